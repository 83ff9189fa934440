package dev.cairn.model;

import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A model as its file describes it, validated: what a device needs to load it and nothing of the
 * file's syntax. Every tensor that the architecture asks for is there, with a shape that fits the
 * other numbers and a type that the architecture allows.
 *
 * @param file the GGUF file
 * @param fileBytes its length when it was read; native code refuses a file that has changed since
 * @param modifiedMillis its modification time then, milliseconds since the epoch
 * @param fingerprint hex digest that identifies the weights and metadata; the journal records it
 * @param name {@code general.name}, or the file's name without its extension
 * @param architecture {@code general.architecture}
 * @param embeddingLength width of the residual stream
 * @param layerCount transformer blocks
 * @param headCount query heads
 * @param kvHeadCount key and value heads; divides {@code headCount}
 * @param headLength elements of one head
 * @param feedForwardLength width of the feed-forward block
 * @param vocabularySize rows of the embedding
 * @param contextLength longest sequence the model was made for, in tokens
 * @param rmsNormEpsilon added to the mean square
 * @param rope position embedding
 * @param attention scale, cap and window of the scores
 * @param network activation, embedding scale and logit cap
 * @param tensors all tensors of the file
 */
public record ModelSpec(
    Path file,
    long fileBytes,
    long modifiedMillis,
    String fingerprint,
    String name,
    String architecture,
    int embeddingLength,
    int layerCount,
    int headCount,
    int kvHeadCount,
    int headLength,
    int feedForwardLength,
    int vocabularySize,
    int contextLength,
    float rmsNormEpsilon,
    RopeSpec rope,
    AttentionSpec attention,
    NetworkSpec network,
    List<TensorInfo> tensors) {
  public ModelSpec {
    tensors = List.copyOf(tensors);
  }

  /** The type of most of the weights. */
  public TensorType weightType() {
    Map<TensorType, Long> weights = new EnumMap<>(TensorType.class);
    for (TensorInfo tensor : tensors) {
      TensorType type = tensor.type();
      weights.merge(type, tensor.bytes() / type.blockBytes() * type.blockLength(), Long::sum);
    }
    return weights.entrySet().stream()
        .max(Map.Entry.comparingByValue())
        .map(Map.Entry::getKey)
        .orElse(TensorType.F32);
  }

  /** The tensor of this name. */
  public Optional<TensorInfo> tensor(String tensorName) {
    return tensors.stream().filter(t -> t.name().equals(tensorName)).findFirst();
  }
}
