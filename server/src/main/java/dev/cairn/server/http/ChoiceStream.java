package dev.cairn.server.http;

import dev.cairn.model.TextStream;
import dev.cairn.model.Tokenizer;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.CommittedTokens;
import dev.cairn.request.Snapshot;
import java.util.Optional;

/**
 * Follows the output of one request: each piece is exactly the text of the tokens since the piece
 * before, and ends where the text of the tokens before it is complete. Not safe for several
 * threads.
 */
final class ChoiceStream {
  /**
   * A piece of the output.
   *
   * @param from index of its first token
   * @param to index after its last token
   * @param finish how the request ended, where this is the last piece
   */
  record Piece(String text, int from, int to, Optional<Snapshot.Finish> finish) {}

  private final RequestSpec spec;
  private final Tokenizer tokenizer;
  private TextStream text;
  private int base;
  private int appended;
  private int shown;
  private boolean ended;

  ChoiceStream(RequestSpec spec, Tokenizer tokenizer) {
    this.spec = spec;
    this.tokenizer = tokenizer;
    this.text = new TextStream(tokenizer, spec.stop());
  }

  /** Index after the last token shown. */
  int position() {
    return shown;
  }

  boolean hasEnded() {
    return ended;
  }

  /**
   * Goes on behind the piece that ended at this index instead of at the beginning.
   *
   * @return the text before it
   * @throws ApiError where no piece can have ended there
   */
  String resumeAfter(int index, Snapshot snapshot) {
    CommittedTokens tokens = snapshot.tokens();
    if (index < 0 || index > tokens.size()) {
      throw ApiError.invalid(
          "after",
          "after is "
              + index
              + "; expected an index from 0 to "
              + tokens.size()
              + ", the number of tokens committed so far.");
    }
    int lower = boundaryAtMost(index, snapshot);
    if (lower != index) {
      throw ApiError.invalid(
          "after",
          "after is " + index + ", where no event ends; the nearest lower index is " + lower + ".");
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
  Optional<Piece> next(Snapshot snapshot) {
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
  private int boundaryAtMost(int index, Snapshot snapshot) {
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
