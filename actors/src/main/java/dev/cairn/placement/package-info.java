/**
 * Which device a request goes to: a pure function of what is known of the devices. No actors, no
 * clock, no randomness.
 */
package dev.cairn.placement;
