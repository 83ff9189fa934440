package dev.cairn.tests;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.cairn.bundled.BundledModel;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/** The bundled model with a chat template in its file, which it does not have. */
final class TemplatedModel {
  /** Teaches tools in the form of Hermes and Qwen. */
  static final String TOOLS =
      "{% if tools %}<tools>{{ tools | tojson }}</tools> Call them in <tool_call>.\n{% endif %}"
          + "{% for m in messages %}{{ m.role }}: {{ m.content }}{% if m.tool_calls %}"
          + "{{ m.tool_calls | tojson }}{% endif %}\n{% endfor %}"
          + "{% if add_generation_prompt %}assistant: {% endif %}";

  private static final String KEY = "tokenizer.chat_template";
  private static final int HEADER_BYTES = 24;
  private static final int KEY_COUNT_AT = 16;
  private static final int STRING = 8;
  private static final int ALIGNMENT = 32;

  private TemplatedModel() {}

  /**
   * Writes such a file.
   *
   * @return its path
   */
  static Path write(Path directory, String template) throws IOException {
    byte[] model = Files.readAllBytes(BundledModel.extractTo(directory.resolve("models")));
    int fixed = 8 + KEY.length() + 4 + 8;
    byte[] text = template.getBytes(UTF_8);
    // What is inserted keeps the alignment of all that follows.
    int padding = Math.floorMod(-(fixed + text.length), ALIGNMENT);
    byte[] padded = (template + " ".repeat(padding)).getBytes(UTF_8);
    ByteBuffer out =
        ByteBuffer.allocate(model.length + fixed + padded.length).order(ByteOrder.LITTLE_ENDIAN);
    out.put(model, 0, HEADER_BYTES);
    out.putLong(KEY_COUNT_AT, out.getLong(KEY_COUNT_AT) + 1);
    out.putLong(KEY.length()).put(KEY.getBytes(UTF_8)).putInt(STRING);
    out.putLong(padded.length).put(padded);
    out.put(model, HEADER_BYTES, model.length - HEADER_BYTES);
    return Files.write(directory.resolve("templated.gguf"), out.array());
  }
}
