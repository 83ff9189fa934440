package dev.cairn.server.http;

import dev.cairn.request.OutputPieces;
import dev.cairn.request.Snapshot;
import java.util.List;

/** Writes one choice of a stream in the form of its API. Not safe for several threads. */
interface ChunkWriter {
  /**
   * What comes before the output, once.
   *
   * @return chunks as JSON; empty where they have to wait for a later snapshot
   */
  List<String> begin(Snapshot snapshot);

  /** Whether {@link #begin} has nothing more to say. */
  boolean hasBegun();

  /** The chunks of a piece, perhaps none. */
  List<String> write(OutputPieces.Piece piece, Snapshot snapshot);

  /** Takes what a reader has seen already, which comes back behind it. */
  void skip(String text, int tokens, Snapshot snapshot);
}
