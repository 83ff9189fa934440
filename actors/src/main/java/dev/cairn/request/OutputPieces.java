package dev.cairn.request;

import dev.cairn.model.TextStream;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.RequestSpec;
import java.util.Optional;

/**
 * Follows the output of one request: each piece is exactly the text of the tokens since the piece
 * before, and ends where the text of the tokens before it is complete. Not safe for several
 * threads.
 */
public final class OutputPieces {
  /**
   * A piece of the output.
   *
   * @param from index of its first token
   * @param to index after its last token
   * @param finish how the request ended, where this is the last piece
   */
  public record Piece(String text, int from, int to, Optional<Snapshot.Finish> finish) {}

  private final RequestSpec spec;
  private final Tokenizer tokenizer;
  private TextStream text;
  private int base;
  private int appended;
  private int shown;
  private boolean ended;

  public OutputPieces(RequestSpec spec, Tokenizer tokenizer) {
    this.spec = spec;
    this.tokenizer = tokenizer;
    this.text = new TextStream(tokenizer, spec.stop());
  }

  /** Index after the last token shown. */
  public int position() {
    return shown;
  }

  public boolean hasEnded() {
    return ended;
  }

  /**
   * Goes on behind the piece that ended at this index instead of at the beginning.
   *
   * @param index as {@link #boundaryAtMost} has it
   * @return the text before it
   * @throws IllegalArgumentException where no piece can have ended there
   */
  public String resumeAfter(int index, Snapshot snapshot) {
    CommittedTokens tokens = snapshot.tokens();
    if (index < 0 || index > tokens.size() || boundaryAtMost(index, snapshot) != index) {
      throw new IllegalArgumentException(
          "index " + index + " of " + tokens.size() + " tokens, expected the end of a piece");
    }
    TextStream before = new TextStream(tokenizer, spec.stop());
    for (int i = 0; i < index && !before.stopped(); i++) {
      before.append(tokens.get(i));
    }
    before.finish();
    text = new TextStream(tokenizer, spec.stop());
    base = index;
    appended = index;
    shown = index;
    return before.drain();
  }

  /** What a snapshot adds to the pieces before; empty where nothing can be shown yet. */
  public Optional<Piece> next(Snapshot snapshot) {
    CommittedTokens tokens = snapshot.tokens();
    while (appended < tokens.size() && !text.stopped()) {
      text.append(tokens.get(appended++));
    }
    int from = shown;
    if (snapshot.finish().isPresent()) {
      text.finish();
      shown = tokens.size();
      ended = true;
      return Optional.of(new Piece(text.drain(), from, shown, snapshot.finish()));
    }
    if (base + text.boundary() <= shown) {
      return Optional.empty();
    }
    shown = base + text.boundary();
    return Optional.of(new Piece(text.drain(), from, shown, Optional.empty()));
  }

  /**
   * The last index not above a given one at which a piece may have ended. Whether one may depends
   * on the tokens that follow as well: they show that no stop string begins before it.
   */
  public int boundaryAtMost(int index, Snapshot snapshot) {
    CommittedTokens tokens = snapshot.tokens();
    TextStream all = new TextStream(tokenizer, spec.stop());
    int lower = 0;
    while (all.tokens() < tokens.size() && !all.stopped() && all.boundary() <= index) {
      lower = all.boundary();
      all.append(tokens.get(all.tokens()));
    }
    if (snapshot.finish().isPresent() && !all.stopped() && all.tokens() == tokens.size()) {
      lower = all.boundary() <= index ? all.boundary() : lower;
      all.finish();
    }
    return all.boundary() <= index ? all.boundary() : lower;
  }
}
