package dev.cairn.model.gguf;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * An array value. Numbers and booleans stay in the form of the file, so that an array never takes
 * much more memory than the bytes it came from.
 */
final class GgufArray {
  private final GgufType elementType;
  private final int length;
  private final List<?> objects;
  private final ByteBuffer numbers;

  private GgufArray(GgufType elementType, int length, List<?> objects, ByteBuffer numbers) {
    this.elementType = elementType;
    this.length = length;
    this.objects = objects;
    this.numbers = numbers;
  }

  static GgufArray ofObjects(GgufType elementType, List<?> objects) {
    return new GgufArray(elementType, objects.size(), objects, ByteBuffer.allocate(0));
  }

  static GgufArray ofNumbers(GgufType elementType, int length, byte[] bytes) {
    ByteBuffer numbers = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    return new GgufArray(elementType, length, List.of(), numbers);
  }

  GgufType elementType() {
    return elementType;
  }

  int length() {
    return length;
  }

  List<?> objects() {
    return objects;
  }

  long integer(int index) {
    return GgufCursor.integer(elementType, numbers, index * elementType.minBytes());
  }

  boolean bool(int index) {
    return numbers.get(index) != 0;
  }

  double real(int index) {
    return GgufCursor.real(elementType, numbers, index * elementType.minBytes());
  }
}
