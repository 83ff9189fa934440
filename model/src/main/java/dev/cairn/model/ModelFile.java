package dev.cairn.model;

import dev.cairn.model.gguf.GgufFile;
import dev.cairn.model.tokenizer.Tokenizers;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/**
 * All that Java needs of a model file.
 *
 * @param spec what a device needs to load it
 * @param tokenizer its tokenizer
 * @param chatTemplate source of its chat template ({@code tokenizer.chat_template}), where it has
 *     one; written by a stranger, so never to be evaluated outside a sandbox
 */
public record ModelFile(ModelSpec spec, Tokenizer tokenizer, Optional<String> chatTemplate) {
  /**
   * Reads a model.
   *
   * @param file a GGUF file
   * @param weightTypes element types of matrices that the device works with
   * @throws ModelException when the file cannot be read or used
   */
  public static ModelFile read(Path file, Set<TensorType> weightTypes) {
    GgufFile gguf = GgufFile.read(file);
    return new ModelFile(
        Architectures.describe(gguf, weightTypes),
        Tokenizers.of(gguf.metadata()),
        gguf.metadata().string("tokenizer.chat_template"));
  }
}
