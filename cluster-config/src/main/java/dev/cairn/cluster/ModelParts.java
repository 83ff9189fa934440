package dev.cairn.cluster;

import com.typesafe.config.Config;
import dev.cairn.actors.Telemetry;
import dev.cairn.device.Device;
import dev.cairn.device.DeviceConfig;
import dev.cairn.device.Devices;
import dev.cairn.device.LoadProgress;
import dev.cairn.model.ModelFile;
import java.util.List;
import java.util.concurrent.Callable;

/** The parts of a node whose devices load a model's file in this process. */
public final class ModelParts {
  private ModelParts() {}

  /**
   * A node of a model.
   *
   * @param config the whole configuration
   * @param progress told how far the model is loaded
   * @param telemetry told of everything
   * @throws IllegalArgumentException where the configuration does not fit the model
   */
  public static CairnNode.Parts of(
      Config config, ModelFile model, LoadProgress progress, Telemetry telemetry) {
    List<DeviceConfig> devices = deviceConfigs(config, model);
    return new CairnNode.Parts(
        config,
        model.spec(),
        model.tokenizer(),
        devices.get(0),
        devices.stream().map(each -> opener(each, model, progress)).toList(),
        telemetry);
  }

  private static Callable<Device> opener(
      DeviceConfig device, ModelFile model, LoadProgress progress) {
    return () -> Devices.open(device, model.spec(), progress);
  }

  /** How a model's devices are opened; one or more. */
  public static List<DeviceConfig> deviceConfigs(Config config, ModelFile model) {
    return NodeSettings.from(config)
        .deviceConfigs(
            model.spec(),
            Devices.kvBytesPerBlock(
                model.spec(),
                config.getInt("cairn.device.kv-block-tokens"),
                config.getString("cairn.device.kv-type")));
  }
}
