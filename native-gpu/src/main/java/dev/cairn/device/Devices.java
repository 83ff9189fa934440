package dev.cairn.device;

import dev.cairn.model.ModelSpec;
import dev.cairn.model.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens devices and says which back ends this machine has. */
public final class Devices {
  private static final Logger LOG = LoggerFactory.getLogger(Devices.class);
  private static final Pattern NAME = Pattern.compile("(\\w+)(?::(\\d{1,4}))?");
  private static final String AUTO = "auto";

  private Devices() {}

  /**
   * Loads a model onto a device. Blocks until it is loaded. {@code auto} takes the first back end
   * that has a device: a GPU's where its library loads and finds one, else the CPU.
   *
   * @throws DeviceException of kind UNAVAILABLE, MODEL, MEMORY or MISUSE
   */
  public static Device open(DeviceConfig config, ModelSpec model, LoadProgress progress) {
    return open(Backend.ALL, config, model, progress);
  }

  static Device open(
      List<Backend> backends, DeviceConfig config, ModelSpec model, LoadProgress progress) {
    Choice choice = choose(backends, config.backend(), config.instructionSet());
    return new NativeDevice(choice.backend(), choice.ordinal(), config, model, progress);
  }

  /** A back end whose library is loaded, and the number of its device. */
  private record Choice(Backend backend, int ordinal) {}

  private static Choice choose(List<Backend> backends, String wanted, String instructionSet) {
    if (wanted.equals(AUTO)) {
      return new Choice(firstUsable(backends, instructionSet), 0);
    }
    Matcher name = NAME.matcher(wanted);
    Backend backend =
        backends.stream()
            .filter(b -> name.matches() && b.name().equals(name.group(1)))
            .filter(b -> b.numbered() || name.group(2) == null)
            .findFirst()
            .orElseThrow(() -> unknown(backends, wanted));
    Optional<String> failure = backend.load();
    if (failure.isPresent()) {
      throw unavailable(failure.get());
    }
    return new Choice(backend, name.group(2) == null ? 0 : Integer.parseInt(name.group(2)));
  }

  private static DeviceException unknown(List<Backend> backends, String wanted) {
    return unavailable(
        "back end "
            + wanted
            + " is unknown, expected auto, "
            + backends.stream()
                .map(b -> b.numbered() ? b.name() + "[:N]" : b.name())
                .collect(Collectors.joining(", ")));
  }

  private static Backend firstUsable(List<Backend> backends, String instructionSet) {
    List<String> reasons = new ArrayList<>();
    for (Backend backend : backends) {
      BackendStatus status = backend.status(backend.numbered() ? instructionSet : AUTO);
      if (status.available()) {
        return backend;
      }
      LOG.debug("back end {} is not used: {}", backend.name(), status.reason());
      reasons.add(backend.name() + ": " + status.reason());
    }
    throw unavailable("no back end can be used; " + String.join("; ", reasons));
  }

  private static DeviceException unavailable(String message) {
    return new DeviceException(DeviceException.Kind.UNAVAILABLE, message);
  }

  /**
   * The device that {@link #open} would take for a name, found without a model.
   *
   * @param wanted as in {@link DeviceConfig#backend()}
   * @return back end and number, for example {@code hip:0}
   * @throws DeviceException of kind UNAVAILABLE where this machine has none, with the reason
   */
  public static String find(String wanted) {
    return find(Backend.ALL, wanted);
  }

  static String find(List<Backend> backends, String wanted) {
    Choice choice = choose(backends, wanted, AUTO);
    Backend backend = choice.backend();
    BackendStatus status = backend.status(AUTO);
    if (!status.available()) {
      throw unavailable(status.reason());
    }
    String number = choice.ordinal() + ": ";
    if (backend.numbered() && !(", " + status.features()).contains(", " + number)) {
      throw unavailable(
          "it is none of the devices of " + backend.name() + ", " + status.features());
    }
    return backend.name(choice.ordinal());
  }

  /**
   * Every back end of this build, in the order in which {@code auto} tries them. Their libraries
   * are loaded where that is possible, and asked for devices.
   */
  public static List<BackendStatus> probe() {
    return Backend.ALL.stream().map(b -> b.status(AUTO)).toList();
  }

  /**
   * Reads a device's memory from one end to the other several times, which takes about a second:
   * the ceiling of decoding, since a step reads every weight once.
   *
   * @param backend as in {@link DeviceConfig#backend()}
   * @param threads threads of the CPU that read at a time
   * @return bytes a second of the fastest pass
   * @throws DeviceException of kind UNAVAILABLE or MEMORY
   */
  public static long streamingReadBytesPerSecond(String backend, int threads) {
    return NativeDevice.readRate(choose(Backend.ALL, backend, AUTO).backend().binding(), threads);
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
