package dev.cairn.server.http;

import dev.cairn.persistence.RequestSpec;

/**
 * What a client asked for.
 *
 * @param spec the request
 * @param stream whether the reply is a stream of events
 * @param includeUsage whether the stream ends with an event that counts tokens
 */
public record CompletionCall(RequestSpec spec, boolean stream, boolean includeUsage) {}
