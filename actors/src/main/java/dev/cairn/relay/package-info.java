/**
 * How a node's readers follow requests that live on other nodes, without an actor: {@link
 * dev.cairn.relay.Follower} is the readers' side, {@link dev.cairn.relay.Feed} the owner's.
 *
 * <p>The reader's node says what it has of each request ({@link dev.cairn.request.Want}) and the
 * owner's node answers with what follows, one batch at a time for each pair of nodes: while one is
 * under way, news pile up for the next. Every message may be lost, repeated or overtaken. An update
 * fits where its first index is what the reader has; otherwise the reader asks again. A request of
 * which nothing was heard for a while is asked for again, whatever else goes on, and an owner that
 * does not answer is looked up again.
 */
package dev.cairn.relay;
