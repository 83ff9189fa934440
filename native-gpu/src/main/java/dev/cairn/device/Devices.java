package dev.cairn.device;

import dev.cairn.model.ModelSpec;
import dev.cairn.model.TensorType;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Opens devices and says which back ends this machine has. */
public final class Devices {
  private Devices() {}

  /**
   * Loads a model onto a device. Blocks until it is loaded.
   *
   * @throws DeviceException of kind UNAVAILABLE, MODEL, MEMORY or MISUSE
   */
  public static Device open(DeviceConfig config, ModelSpec model, LoadProgress progress) {
    if (!config.backend().equals("auto") && !config.backend().equals(CpuDevice.NAME)) {
      throw new DeviceException(
          DeviceException.Kind.UNAVAILABLE,
          "back end " + config.backend() + " is unknown, expected auto or " + CpuDevice.NAME);
    }
    Optional<String> failure = NativeLibrary.cpu().load();
    if (failure.isPresent()) {
      throw new DeviceException(DeviceException.Kind.UNAVAILABLE, failure.get());
    }
    return new CpuDevice(config, model, progress);
  }

  /** Every back end of this build, in the order in which {@code auto} tries them. */
  public static List<BackendStatus> probe() {
    Optional<String> failure = NativeLibrary.cpu().load();
    if (failure.isPresent()) {
      return List.of(new BackendStatus(CpuDevice.NAME, false, failure.get(), "", "", "", ""));
    }
    String[] probe = CpuDevice.probe("auto");
    return List.of(
        new BackendStatus(
            CpuDevice.NAME,
            true,
            probe[3],
            NativeLibrary.cpu().path(),
            probe[0],
            probe[1],
            probe[2]));
  }

  /**
   * Reads memory from one end to the other several times, which takes about a second: the ceiling
   * of decoding, since a step reads every weight once.
   *
   * @param threads threads that read at a time
   * @return bytes a second of the fastest pass
   * @throws DeviceException of kind UNAVAILABLE or MEMORY
   */
  public static long streamingReadBytesPerSecond(int threads) {
    Optional<String> failure = NativeLibrary.cpu().load();
    if (failure.isPresent()) {
      throw new DeviceException(DeviceException.Kind.UNAVAILABLE, failure.get());
    }
    return CpuDevice.readRate(threads);
  }

  /** Weight types that a model may have. */
  public static Set<TensorType> supportedTypes() {
    return TensorTable.SUPPORTED;
  }

  /** Bytes of one block of the KV store in {@link DeviceConfig#DEFAULT_KV_TYPE}, all layers. */
  public static long kvBytesPerBlock(ModelSpec model, int blockTokens) {
    return kvBytesPerBlock(model, blockTokens, DeviceConfig.DEFAULT_KV_TYPE);
  }

  /**
   * Bytes of one block of the KV store, over all layers.
   *
   * @throws DeviceException of kind MISUSE for an unknown type
   */
  public static long kvBytesPerBlock(ModelSpec model, int blockTokens, String kvType) {
    return KvType.of(kvType).tokenBytes(model.headLength())
        * model.kvHeadCount()
        * model.layerCount()
        * blockTokens;
  }
}
