package dev.cairn.model;

import dev.cairn.model.gguf.GgufFile;
import dev.cairn.model.gguf.GgufMetadata;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** Reads model descriptions of the supported architectures. */
public final class Architectures {
  private static final List<Architecture> SUPPORTED = Architecture.SUPPORTED;
  private static final long MAX_VOCABULARY = 4L << 20;

  private Architectures() {}

  /**
   * Describes the model in a checked file.
   *
   * @param gguf its header
   * @param weightTypes element types of matrices that the device works with
   * @throws ModelException when the architecture is not supported, or when a number or a tensor is
   *     missing, out of range, of the wrong shape or type, or would be ignored
   */
  public static ModelSpec describe(GgufFile gguf, Set<TensorType> weightTypes) {
    GgufMetadata metadata = gguf.metadata();
    refuseSplit(metadata);
    Architecture architecture = architecture(metadata);
    HyperParameters numbers = new HyperParameters(metadata, architecture.name());
    int vocabulary = vocabularySize(gguf);
    new TensorCheck(gguf, architecture, numbers, vocabulary, weightTypes).run();
    AttentionSpec attention = AttentionKeys.read(metadata, architecture, numbers);
    RopeSpec rope = RopeKeys.read(gguf, architecture, numbers, attention.window() > 0);
    return new ModelSpec(
        gguf.file(),
        gguf.fileBytes(),
        gguf.modifiedMillis(),
        Fingerprint.of(gguf),
        metadata.string("general.name").filter(n -> !n.isBlank()).orElse(stem(gguf.file())),
        architecture.name(),
        numbers.embedding,
        numbers.layers,
        numbers.heads,
        numbers.kvHeads,
        numbers.headLength,
        numbers.feedForward,
        vocabulary,
        numbers.context,
        numbers.rmsNormEpsilon,
        rope,
        attention,
        network(metadata, architecture, numbers),
        gguf.tensors());
  }

  private static NetworkSpec network(
      GgufMetadata metadata, Architecture architecture, HyperParameters numbers) {
    boolean scaled = architecture.has(Architecture.Trait.SCALED_EMBEDDING);
    return new NetworkSpec(
        architecture.activation(),
        scaled ? (float) Math.sqrt(numbers.embedding) : 1f,
        AttentionKeys.logitCap(metadata, architecture));
  }

  private static void refuseSplit(GgufMetadata metadata) {
    int files = metadata.integer("split.count", 0, Integer.MAX_VALUE).orElse(0);
    if (files > 1) {
      throw metadata.refuse(
          "split.count is " + files + ", but models in several files are not supported: join them");
    }
  }

  private static Architecture architecture(GgufMetadata metadata) {
    String name =
        metadata
            .string("general.architecture")
            .orElseThrow(() -> metadata.refuse("the key general.architecture is missing"));
    return SUPPORTED.stream()
        .filter(a -> a.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                metadata.refuse(
                    "the architecture \""
                        + name
                        + "\" is not supported; supported are "
                        + SUPPORTED.stream().map(Architecture::name).toList()));
  }

  private static int vocabularySize(GgufFile gguf) {
    GgufMetadata metadata = gguf.metadata();
    TensorInfo embedding =
        gguf.tensor("token_embd.weight")
            .orElseThrow(() -> metadata.refuse("the tensor token_embd.weight is missing"));
    long rows = embedding.shape().size() == 2 ? embedding.shape().get(1) : 0;
    if (rows < 1 || rows > MAX_VOCABULARY) {
      throw metadata.refuse(
          "token_embd.weight has the shape "
              + embedding.shape()
              + ", but must have two dimensions and 1 to "
              + MAX_VOCABULARY
              + " rows");
    }
    metadata
        .strings("tokenizer.ggml.tokens")
        .filter(tokens -> tokens.size() != rows)
        .ifPresent(
            tokens -> {
              throw metadata.refuse(
                  "tokenizer.ggml.tokens has "
                      + tokens.size()
                      + " tokens, but token_embd.weight "
                      + rows
                      + " rows");
            });
    return (int) rows;
  }

  private static String stem(Path file) {
    Path last = file.getFileName();
    String name = last == null ? file.toString() : last.toString();
    int dot = name.lastIndexOf('.');
    return dot > 0 ? name.substring(0, dot) : name;
  }

  /** Holds every tensor of a file against its architecture. */
  private record TensorCheck(
      GgufFile gguf,
      Architecture architecture,
      HyperParameters numbers,
      int vocabulary,
      Set<TensorType> weightTypes) {

    void run() {
      Map<String, TensorInfo> rest = new HashMap<>();
      gguf.tensors().forEach(t -> rest.put(t.name(), t));
      architecture.tensors().forEach(rule -> check(rule, rule.name(), rest));
      for (int layer = 0; layer < numbers.layers; layer++) {
        String prefix = "blk." + layer + ".";
        boolean fused = rest.containsKey(prefix + "attn_qkv.weight");
        architecture.blockTensors(fused).forEach(rule -> check(rule, prefix + rule.name(), rest));
      }
      if (!rest.isEmpty()) {
        throw gguf.metadata()
            .refuse(
                "the "
                    + architecture.name()
                    + " architecture knows nothing of "
                    + rest.keySet().stream().sorted().limit(3).collect(Collectors.joining(", "))
                    + (rest.size() > 3 ? " and " + (rest.size() - 3) + " more tensors" : "")
                    + ", and leaving them out would change the model");
      }
    }

    private void check(Architecture.Rule rule, String name, Map<String, TensorInfo> rest) {
      TensorInfo tensor = rest.remove(name);
      if (tensor == null) {
        if (rule.required()) {
          throw gguf.metadata().refuse("the tensor " + name + " is missing");
        }
        return;
      }
      List<Long> shape = rule.shape().stream().map(this::length).toList();
      if (!tensor.shape().equals(shape)) {
        throw gguf.metadata()
            .refuse(
                "the tensor "
                    + name
                    + " has the shape "
                    + tensor.shape()
                    + ", but must have "
                    + shape);
      }
      Set<TensorType> allowed = rule.isMatrix() ? weightTypes : Set.of(TensorType.F32);
      if (!allowed.contains(tensor.type())) {
        throw gguf.metadata()
            .refuse(
                "the tensor "
                    + name
                    + " is of type "
                    + tensor.type()
                    + ", but here only these are supported: "
                    + allowed.stream().sorted().toList());
      }
    }

    private long length(Architecture.Dimension dimension) {
      return switch (dimension) {
        case EMBEDDING -> numbers.embedding;
        case QUERY -> (long) numbers.heads * numbers.headLength;
        case KEY_VALUE -> (long) numbers.kvHeads * numbers.headLength;
        case HEAD -> numbers.headLength;
        case QUERY_KEY_VALUE -> (numbers.heads + 2L * numbers.kvHeads) * numbers.headLength;
        case GATE_UP -> 2L * numbers.feedForward;
        case FEED_FORWARD -> numbers.feedForward;
        case VOCABULARY -> vocabulary;
        case ROPE_PAIRS -> numbers.ropeDimensions / 2;
      };
    }
  }
}
