package dev.cairn.actors;

/** A message that may travel between nodes; serialized as CBOR (Jackson), never by Java. */
public interface ClusterMessage {}
