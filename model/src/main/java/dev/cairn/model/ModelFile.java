package dev.cairn.model;

import dev.cairn.model.gguf.GgufFile;
import dev.cairn.model.tokenizer.Tokenizers;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * All that Java needs of a model file.
 *
 * @param spec what a device needs to load it
 * @param tokenizer its tokenizer
 * @param chatTemplate source of its chat template ({@code tokenizer.chat_template}), where it has
 *     one; written by a stranger, so never to be evaluated outside a sandbox
 * @param pooling how vectors of texts are to be made ({@code ARCHITECTURE.pooling_type}), where the
 *     file names one of those that {@link Pooling} has
 */
public record ModelFile(
    ModelSpec spec, Tokenizer tokenizer, Optional<String> chatTemplate, Optional<Pooling> pooling) {
  /**
   * Reads a model.
   *
   * @param file a GGUF file
   * @param weightTypes element types of matrices that the device works with
   * @throws ModelException when the file cannot be read or used
   */
  public static ModelFile read(Path file, Set<TensorType> weightTypes) {
    GgufFile gguf = GgufFile.read(file);
    ModelSpec spec = Architectures.describe(gguf, weightTypes);
    return new ModelFile(
        spec,
        Tokenizers.of(gguf.metadata()),
        gguf.metadata().string("tokenizer.chat_template"),
        pooling(gguf, spec.architecture() + ".pooling_type"));
  }

  /** Other kinds than the mean and the last state are of models that are no language models. */
  private static Optional<Pooling> pooling(GgufFile gguf, String key) {
    OptionalInt type = gguf.metadata().integer(key, 0, Integer.MAX_VALUE);
    return switch (type.orElse(0)) {
      case 1 -> Optional.of(Pooling.MEAN);
      case 3 -> Optional.of(Pooling.LAST);
      default -> Optional.empty();
    };
  }
}
