package dev.cairn.model;

import java.util.ArrayDeque;
import java.util.List;

/**
 * Follows the tokens of one output and says which text is safe to show: never half a character,
 * never a part of what may yet turn out to be a stop string, never anything behind a stop string.
 *
 * <p>{@link #boundary()} is the index after the last token whose text has been drained in full. It
 * depends on the tokens and stop strings alone, so a reader who starts anew and appends the same
 * tokens finds the same boundaries, whatever the pieces in which they came. A reader who starts
 * anew with the tokens behind a boundary gets exactly the text that was not drained there: no
 * character and no stop string crosses a boundary.
 *
 * <p>The text is what {@code new String(bytes, UTF_8)} makes of the bytes of all tokens together. A
 * token that completes a stop string, or several, cuts it where the first of them begins. The work
 * is linear in the text.
 *
 * <p>Not safe for several threads.
 */
public final class TextStream {
  /** A place between two tokens where no character is open. */
  private record Place(int tokens, long characters) {}

  private final Tokenizer tokenizer;
  private final StopMatcher stops;
  private final Utf8Stream utf8 = new Utf8Stream();
  private final ArrayDeque<Place> heldPlaces = new ArrayDeque<>();
  private final StringBuilder undrained = new StringBuilder();
  private long drained;
  private long length;
  private Place boundary = new Place(0, 0);
  private int tokens;
  private boolean stopped;
  private boolean finished;

  /**
   * A stream at the start of an output, or at a boundary of one.
   *
   * @param stops strings that end the output, none of them empty; they are not part of its text
   */
  public TextStream(Tokenizer tokenizer, List<String> stops) {
    this.tokenizer = tokenizer;
    this.stops = new StopMatcher(stops);
  }

  /**
   * Appends the next token.
   *
   * @return whether it completed a stop string; the output has then ended, as with {@link
   *     #finish()}, and no token may be appended
   */
  public boolean append(int token) {
    if (finished) {
      throw new IllegalStateException("the output has ended, token " + token + " cannot follow");
    }
    CharSequence text = utf8.decode(tokenizer.bytes(token));
    tokens++;
    long cut = Long.MAX_VALUE;
    for (int i = 0; i < text.length(); i++) {
      int matched = stops.next(text.charAt(i));
      if (matched > 0) {
        cut = Math.min(cut, length + i + 1 - matched);
      }
    }
    undrained.append(text);
    length += text.length();
    if (cut < Long.MAX_VALUE) {
      stopped = true;
      length = cut;
      undrained.setLength((int) (cut - drained));
      end();
    } else {
      advance();
    }
    return stopped;
  }

  /** Moves the boundary as far as no stop string can have begun before it. */
  private void advance() {
    if (utf8.isClean()) {
      if (!heldPlaces.isEmpty() && heldPlaces.peekLast().characters() == length) {
        heldPlaces.removeLast();
      }
      heldPlaces.add(new Place(tokens, length));
    }
    long safe = length - stops.partial();
    while (!heldPlaces.isEmpty() && heldPlaces.peek().characters() <= safe) {
      boundary = heldPlaces.remove();
    }
  }

  /**
   * The output has ended: what was held back becomes safe, an unfinished character as U+FFFD, and
   * the boundary is behind the last token. Does nothing where it had ended already.
   */
  public void finish() {
    if (!finished) {
      CharSequence rest = utf8.finish();
      undrained.append(rest);
      length += rest.length();
      end();
    }
  }

  private void end() {
    finished = true;
    heldPlaces.clear();
    boundary = new Place(tokens, length);
  }

  /** Text that became safe since the last call, perhaps empty; it ends at the boundary. */
  public String drain() {
    int safe = (int) (boundary.characters() - drained);
    String text = undrained.substring(0, safe);
    undrained.delete(0, safe);
    drained = boundary.characters();
    return text;
  }

  /** Number of tokens whose text is exactly all that was or will now be drained. */
  public int boundary() {
    return boundary.tokens();
  }

  /** Number of tokens appended. */
  public int tokens() {
    return tokens;
  }

  /** Whether a stop string was found. */
  public boolean stopped() {
    return stopped;
  }
}
