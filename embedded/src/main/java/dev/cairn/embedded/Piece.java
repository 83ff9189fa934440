package dev.cairn.embedded;

import java.util.Objects;

/**
 * Text that was written and is durable: it is never taken back.
 *
 * @param text some characters; never half a character, never part of a stop text
 * @param next where the text behind this piece begins, for {@link Generation#pieces(int)} and
 *     {@link Generation#source(int)}: who has stored a piece and goes on there misses nothing and
 *     gets nothing twice
 */
public record Piece(String text, int next) {
  public Piece {
    Objects.requireNonNull(text, "a piece without text");
  }
}
