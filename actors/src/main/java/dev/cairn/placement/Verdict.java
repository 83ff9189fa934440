package dev.cairn.placement;

import java.util.OptionalDouble;

/**
 * What placement thinks of one device for one request, without the device.
 *
 * @param device its name
 * @param seconds expected time until the request's last token, as far as it depends on the device;
 *     empty where it cannot take the request
 * @param reason one sentence
 */
public record Verdict(String device, OptionalDouble seconds, String reason) {}
