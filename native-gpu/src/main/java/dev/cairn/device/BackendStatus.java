package dev.cairn.device;

/**
 * Whether a back end can be used on this machine.
 *
 * @param name back end, for example {@code cpu}
 * @param available whether its library loads and finds what it needs
 * @param reason why it is not available, or why it does not use an instruction set that the
 *     processor has, or empty
 * @param library path of the library that was loaded, or empty
 * @param instructionSet kernels that {@code auto} chooses, or empty
 * @param numericsVersion of its results, or empty
 * @param features what the processor offers, names separated by spaces
 */
public record BackendStatus(
    String name,
    boolean available,
    String reason,
    String library,
    String instructionSet,
    String numericsVersion,
    String features) {}
