package dev.cairn.device;

import java.util.List;
import java.util.Optional;

/**
 * A back end of this build.
 *
 * @param name for example {@code hip}
 * @param library where its native functions are
 * @param binding its native functions
 * @param profile Maven profile that builds its library, or empty where every build has it
 * @param numbered whether it may have several devices, which are chosen by number
 */
record Backend(
    String name, NativeLibrary library, Binding binding, String profile, boolean numbered) {
  static final Backend CPU = new Backend("cpu", NativeLibrary.cpu(), new CpuBinding(), "", false);

  /** In the order in which {@code auto} tries them. */
  static final List<Backend> ALL =
      List.of(
          new Backend("hip", new NativeLibrary("cairn_hip"), new HipBinding(), "rocm", true),
          new Backend("cuda", new NativeLibrary("cairn_cuda"), new CudaBinding(), "cuda", true),
          CPU);

  /** The name of one of its devices. */
  String name(int ordinal) {
    return numbered ? name + ":" + ordinal : name;
  }

  /** Loads its library; the reason why it cannot be loaded, or empty. */
  Optional<String> load() {
    return library.load().map(f -> profile.isEmpty() ? f : f + SharedObjects.hint(f, profile));
  }

  /** Whether it can be used here, and why not: its library is loaded and asked for devices. */
  BackendStatus status(String instructionSet) {
    Optional<String> failure = load();
    if (failure.isPresent()) {
      return unavailable(failure.get());
    }
    try {
      String[] probe = NativeDevice.probe(binding, instructionSet);
      return new BackendStatus(name, true, probe[3], library.path(), probe[0], probe[1], probe[2]);
    } catch (DeviceException | UnsatisfiedLinkError e) {
      return unavailable(e.getMessage());
    }
  }

  private BackendStatus unavailable(String reason) {
    return new BackendStatus(name, false, reason, library.path(), "", "", "");
  }
}
