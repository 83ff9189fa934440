package dev.cairn.request;

/**
 * One attempt to run a request on a device.
 *
 * @param epoch its number
 * @param firstIndex number of tokens that were committed before it
 * @param device name of the device
 * @param numericsVersion of the device
 */
public record Attempt(int epoch, int firstIndex, String device, String numericsVersion) {}
