package dev.cairn.model.tokenizer;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Finds special tokens spelled out in text. As in llama.cpp the longest spelling takes all its
 * places first, then the next shorter one takes places in what is left.
 */
final class SpecialTokens {
  /** A stretch of text, or one special token where {@code token} is not negative. */
  record Part(int start, int end, int token) {}

  private record Special(String text, int token, boolean always) {}

  private final Map<Character, List<Special>> byFirst = new HashMap<>();
  private final List<Special> longestFirst = new ArrayList<>();

  SpecialTokens(Vocabulary vocabulary) {
    for (int id = 0; id < vocabulary.size(); id++) {
      TokenKind kind = vocabulary.kind(id);
      boolean user = kind == TokenKind.USER_DEFINED;
      if (user || kind == TokenKind.CONTROL || kind == TokenKind.UNKNOWN) {
        longestFirst.add(new Special(vocabulary.piece(id), id, user));
      }
    }
    longestFirst.removeIf(special -> special.text().isEmpty());
    longestFirst.sort(Comparator.comparingInt((Special s) -> s.text().length()).reversed());
    for (Special special : longestFirst) {
      byFirst.computeIfAbsent(special.text().charAt(0), c -> new ArrayList<>()).add(special);
    }
  }

  /**
   * Cuts text at special tokens.
   *
   * @param parseSpecial whether control tokens count; user-defined ones always do
   * @return the parts in order, none of them empty
   */
  List<Part> split(String text, boolean parseSpecial) {
    List<Part> parts = new ArrayList<>();
    if (!text.isEmpty()) {
      parts.add(new Part(0, text.length(), -1));
    }
    for (Special special : present(text, parseSpecial)) {
      parts = cut(text, parts, special);
    }
    return parts;
  }

  /** The spellings that occur at all, longest first; most texts have none. */
  private List<Special> present(String text, boolean parseSpecial) {
    BitSet found = new BitSet();
    List<Special> present = new ArrayList<>();
    for (int i = 0; i < text.length(); i++) {
      for (Special special : byFirst.getOrDefault(text.charAt(i), List.of())) {
        if ((parseSpecial || special.always())
            && !found.get(special.token())
            && text.startsWith(special.text(), i)) {
          found.set(special.token());
          present.add(special);
        }
      }
    }
    present.sort(Comparator.comparingInt(longestFirst::indexOf));
    return present;
  }

  private static List<Part> cut(String text, List<Part> parts, Special special) {
    List<Part> result = new ArrayList<>(parts.size() + 2);
    for (Part part : parts) {
      int start = part.start();
      int at = part.token() >= 0 ? -1 : text.indexOf(special.text(), start);
      while (at >= 0 && at + special.text().length() <= part.end()) {
        if (at > start) {
          result.add(new Part(start, at, -1));
        }
        start = at + special.text().length();
        result.add(new Part(at, start, special.token()));
        at = text.indexOf(special.text(), start);
      }
      if (part.token() >= 0) {
        result.add(part);
      } else if (start < part.end()) {
        result.add(new Part(start, part.end(), -1));
      }
    }
    return result;
  }
}
