/**
 * Cairn inside another program: {@link dev.cairn.embedded.Cairn#start} loads a model, and {@link
 * dev.cairn.embedded.Generation} shows what it writes as a future, as a Pekko Streams source or
 * through a plain iterator. Requests survive the end of the program as they do in the server.
 */
package dev.cairn.embedded;
