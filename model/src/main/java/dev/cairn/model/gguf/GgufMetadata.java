package dev.cairn.model.gguf;

import dev.cairn.model.ModelException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * The keys and values of a GGUF header. The readers of this class check type and range and throw
 * {@link ModelException} with the key's name.
 */
public final class GgufMetadata {
  /**
   * A value: a {@link GgufArray}, {@code String}, {@code Boolean}, {@code Long}, {@code Double}.
   */
  record Value(GgufType type, Object value) {}

  private static final int MAX_SENTENCE = 1_000;

  private final Path file;
  private final Map<String, Value> values;

  GgufMetadata(Path file, Map<String, Value> values) {
    this.file = file;
    this.values = Collections.unmodifiableMap(values);
  }

  /** The keys, in the order of the file. */
  public Set<String> keys() {
    return values.keySet();
  }

  public boolean has(String key) {
    return values.containsKey(key);
  }

  /**
   * The error that a reader of this file throws.
   *
   * @param sentence what is wrong; what it quotes from the file is cut and cleaned for logs
   */
  public ModelException refuse(String sentence) {
    return refuse(file, sentence);
  }

  static ModelException refuse(Path file, String sentence) {
    String shown =
        sentence.length() <= MAX_SENTENCE
            ? sentence
            : sentence.substring(0, MAX_SENTENCE / 2)
                + " [...] "
                + sentence.substring(sentence.length() - MAX_SENTENCE / 2);
    return new ModelException(file + ": " + shown.replaceAll("\\p{Cntrl}", "?"));
  }

  public Optional<String> string(String key) {
    return find(key, "a string", v -> v.type() == GgufType.STRING).map(v -> (String) v.value());
  }

  public Optional<Boolean> bool(String key) {
    return find(key, "a boolean", v -> v.type() == GgufType.BOOL).map(v -> (Boolean) v.value());
  }

  /** An integer of any width whose value must lie between the two bounds, inclusive. */
  public OptionalInt integer(String key, int min, int max) {
    Optional<Value> value = find(key, "an integer", v -> v.type().isInteger());
    if (value.isEmpty()) {
      return OptionalInt.empty();
    }
    long number = (Long) value.get().value();
    if (number < min || number > max) {
      String shown =
          value.get().type() == GgufType.UINT64
              ? Long.toUnsignedString(number)
              : Long.toString(number);
      throw refuse(key + " is " + shown + ", but must be from " + min + " to " + max);
    }
    return OptionalInt.of((int) number);
  }

  /** As {@link #integer(String, int, int)} of a key that must be there. */
  public int required(String key, int min, int max) {
    return integer(key, min, max)
        .orElseThrow(() -> refuse("the key " + key + " is missing, an integer is needed"));
  }

  /**
   * A token id: in the vocabulary, or empty where the key is missing or says "none" as converters
   * do (all bits set).
   */
  public OptionalInt token(String key, int vocabularySize) {
    Optional<Value> value = find(key, "an integer", v -> v.type().isInteger());
    if (value.isPresent()) {
      long number = (Long) value.get().value();
      if (number == -1 || number == 0xFFFF_FFFFL) {
        return OptionalInt.empty();
      }
    }
    return integer(key, 0, vocabularySize - 1);
  }

  /** A finite number. */
  public Optional<Float> real(String key) {
    Optional<Value> found = find(key, "a number", v -> v.type().isNumber());
    return found.map(
        value -> {
          float number = ((Number) value.value()).floatValue();
          if (!Float.isFinite(number)) {
            throw refuse(key + " is " + number + ", but must be a finite number");
          }
          return number;
        });
  }

  /** An array of strings, not to be changed. */
  public Optional<List<String>> strings(String key) {
    return array(key, "an array of strings", a -> a.elementType() == GgufType.STRING)
        .map(
            array -> {
              List<String> strings = new ArrayList<>(array.length());
              array.objects().forEach(o -> strings.add((String) o));
              return Collections.unmodifiableList(strings);
            });
  }

  /** An array of integers that must fit 32 bits. */
  public Optional<int[]> integers(String key) {
    return array(key, "an array of integers", a -> a.elementType().isInteger())
        .map(
            array -> {
              int[] numbers = new int[array.length()];
              for (int i = 0; i < numbers.length; i++) {
                long number = array.integer(i);
                if (number != (int) number) {
                  throw refuse(key + "[" + i + "] is " + number + ", more than 32 bits hold");
                }
                numbers[i] = (int) number;
              }
              return numbers;
            });
  }

  /** Whether a key has an array of whatever type. */
  public boolean isArray(String key) {
    Value value = values.get(key);
    return value != null && value.value() instanceof GgufArray;
  }

  /** An array of truth values. */
  public Optional<List<Boolean>> bools(String key) {
    return array(key, "an array of truth values", a -> a.elementType() == GgufType.BOOL)
        .map(array -> IntStream.range(0, array.length()).mapToObj(array::bool).toList());
  }

  /** An array of numbers, none of them NaN. */
  public Optional<float[]> reals(String key) {
    return array(key, "an array of numbers", a -> a.elementType().isNumber())
        .map(
            array -> {
              float[] numbers = new float[array.length()];
              for (int i = 0; i < numbers.length; i++) {
                numbers[i] = (float) array.real(i);
                if (Float.isNaN(numbers[i])) {
                  throw refuse(key + "[" + i + "] is not a number");
                }
              }
              return numbers;
            });
  }

  private Optional<GgufArray> array(
      String key, String expected, java.util.function.Predicate<GgufArray> accepted) {
    return find(key, expected, v -> v.value() instanceof GgufArray array && accepted.test(array))
        .map(v -> (GgufArray) v.value());
  }

  private Optional<Value> find(
      String key, String expected, java.util.function.Predicate<Value> accepted) {
    Value value = values.get(key);
    if (value != null && !accepted.test(value)) {
      String found =
          value.value() instanceof GgufArray array
              ? "an array of " + array.elementType()
              : value.type().toString();
      throw refuse(key + " is " + found + ", but must be " + expected);
    }
    return Optional.ofNullable(value);
  }
}
