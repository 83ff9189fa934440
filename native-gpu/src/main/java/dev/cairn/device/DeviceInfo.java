package dev.cairn.device;

/**
 * What a device is.
 *
 * @param backend back end, for example {@code cpu}; of one with several devices with its number,
 *     {@code hip:1}
 * @param instructionSet the kernels chosen, for example {@code avx512}
 * @param numericsVersion devices of the same version give the same bits for the same model; the
 *     journal records it. It ends in {@code -short} or {@code -long} where the model has frequency
 *     factors for both and the longest sequence decides
 * @param weightBytes memory of this process for the weights
 * @param mappedBytes bytes of weights that stay in the mapped file, which processes share
 * @param kvBytes memory of the KV store
 * @param config the configuration it runs with, {@code auto} values resolved
 * @param verifiesDrafts whether chunks may have a {@link Chunk#draft}
 */
public record DeviceInfo(
    String backend,
    String instructionSet,
    String numericsVersion,
    long weightBytes,
    long mappedBytes,
    long kvBytes,
    DeviceConfig config,
    boolean verifiesDrafts) {
  /** Of a device that verifies no drafts. */
  public DeviceInfo(
      String backend,
      String instructionSet,
      String numericsVersion,
      long weightBytes,
      long mappedBytes,
      long kvBytes,
      DeviceConfig config) {
    this(
        backend, instructionSet, numericsVersion, weightBytes, mappedBytes, kvBytes, config, false);
  }

  /** The back end without a number. */
  public String backendName() {
    int colon = backend.indexOf(':');
    return colon < 0 ? backend : backend.substring(0, colon);
  }

  /** Which of the back end's devices it is, from 0 on. */
  public int number() {
    int colon = backend.indexOf(':');
    return colon < 0 ? 0 : Integer.parseInt(backend.substring(colon + 1));
  }

  /** Most steps submitted and not awaited. */
  public int maxStepsInFlight() {
    return config.maxStepsInFlight();
  }
}
