/**
 * Keys in files, as both ports use them: {@link dev.cairn.server.keys.KeysFile} keeps hashes,
 * {@link dev.cairn.server.keys.WatchedKeys} are those that are valid now.
 */
package dev.cairn.server.keys;
