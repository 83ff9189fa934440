package dev.cairn.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.model.SharedFiles;
import dev.cairn.model.Tokenizer;
import dev.cairn.model.gguf.GgufFile;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerVectorsTest {
  @ParameterizedTest
  @ValueSource(strings = {"llama-spm", "gpt-2", "qwen2"})
  @DisplayName("every recorded input encodes to the recorded ids")
  void encodesAsRecorded(String name) throws IOException {
    String file = "tokenizers/" + name + ".gguf";
    Tokenizer tokenizer = Tokenizers.of(GgufFile.read(SharedFiles.shared(file)).metadata());
    String[] inputs =
        Files.readString(SharedFiles.shared(file + ".inp")).split("\n__ggml_vocab_test__\n", -1);
    List<String> outputs = Files.readAllLines(SharedFiles.shared(file + ".out"));
    assertThat(outputs).hasSizeGreaterThanOrEqualTo(46);
    for (int i = 0; i < outputs.size(); i++) {
      int[] expected =
          Arrays.stream(outputs.get(i).trim().split(" "))
              .filter(id -> !id.isEmpty())
              .mapToInt(Integer::parseInt)
              .toArray();
      assertThat(tokenizer.encode(inputs[i], false, true))
          .as("input %d \"%s\"", i, inputs[i])
          .isEqualTo(expected);
    }
  }
}
