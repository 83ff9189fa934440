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

  private final List<Special> longestFirst = new ArrayList<>();

  /** Places in {@code longestFirst} by first character. */
  private final Map<Character, List<Integer>> byFirst = new HashMap<>();

  SpecialTokens(Vocabulary vocabulary) {
    for (int id = 0; id < vocabulary.size(); id++) {
      TokenKind kind = vocabulary.kind(id);
      boolean user = kind == TokenKind.USER_DEFINED;
      if (user || kind == TokenKind.CONTROL || kind == TokenKind.UNKNOWN) {
        longestFirst.add(new Special(vocabulary.piece(id), id, user));
      }
    }
    longestFirst.sort(Comparator.comparingInt((Special s) -> s.text().length()).reversed());
    for (int i = 0; i < longestFirst.size(); i++) {
      char first = longestFirst.get(i).text().charAt(0);
      byFirst.computeIfAbsent(first, c -> new ArrayList<>()).add(i);
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
    BitSet present = present(text, parseSpecial);
    for (int i = present.nextSetBit(0); i >= 0; i = present.nextSetBit(i + 1)) {
      parts = cut(text, parts, longestFirst.get(i));
    }
    return parts;
  }

  /** The spellings that occur at all, as places in {@code longestFirst}; most texts have none. */
  private BitSet present(String text, boolean parseSpecial) {
    BitSet present = new BitSet();
    for (int at = 0; at < text.length(); at++) {
      for (int i : byFirst.getOrDefault(text.charAt(at), List.of())) {
        Special special = longestFirst.get(i);
        if ((parseSpecial || special.always())
            && !present.get(i)
            && text.startsWith(special.text(), at)) {
          present.set(i);
        }
      }
    }
    return present;
  }

  private static List<Part> cut(String text, List<Part> parts, Special special) {
    List<Part> result = new ArrayList<>(parts.size() + 2);
    int found = text.indexOf(special.text());
    for (Part part : parts) {
      int start = part.start();
      while (part.token() < 0 && found >= 0 && found + special.text().length() <= part.end()) {
        if (found >= start) {
          if (found > start) {
            result.add(new Part(start, found, -1));
          }
          start = found + special.text().length();
          result.add(new Part(found, start, special.token()));
        }
        found = text.indexOf(special.text(), Math.max(start, found + 1));
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
