/** Writes models of random weights in realistic shapes, for benchmarks without a download. */
package dev.cairn.model.synth;
