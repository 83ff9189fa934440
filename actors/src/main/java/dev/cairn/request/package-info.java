/**
 * One request, without an actor: the fold of its journal ({@link dev.cairn.request.RequestState}),
 * its decisions ({@link dev.cairn.request.RequestProtocol}) and what readers see of it.
 */
package dev.cairn.request;
