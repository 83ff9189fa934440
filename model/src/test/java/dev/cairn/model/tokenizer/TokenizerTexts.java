package dev.cairn.model.tokenizer;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.cairn.model.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.util.Random;

/** Texts for tokenizer tests, and the way back from tokens. */
final class TokenizerTexts {
  private static final String COMMON =
      "  \n\r\t'\"abcdeilmnorstvzASTRELMD0123456789.,!-_<|>é漢🦙½٣\u00A0\u3000";

  private TokenizerTexts() {}

  static String decode(Tokenizer tokenizer, int[] tokens) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int token : tokens) {
      bytes.writeBytes(tokenizer.bytes(token));
    }
    return bytes.toString(UTF_8);
  }

  /** Up to this many characters: mostly common ones, some from anywhere in Unicode. */
  static String random(Random random, int maxLength) {
    int[] common = COMMON.codePoints().toArray();
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(maxLength + 1); i > 0; i--) {
      int c = random.nextInt(4) > 0 ? common[random.nextInt(common.length)] : any(random);
      text.appendCodePoint(c);
    }
    return text.toString();
  }

  private static int any(Random random) {
    int c = random.nextInt(random.nextBoolean() ? 0x3000 : Character.MAX_CODE_POINT + 1);
    return c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE ? 'x' : c;
  }
}
