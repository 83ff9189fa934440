package dev.cairn.persistence.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cairn.persistence.EventFormatException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class StoredRecordTest {
  private static final byte[] KEY = RecordKeys.event("Request|a", 258);
  private static final StoredRecord RECORD =
      new StoredRecord(
          1_763_790_000_123L,
          JournalNode.WRITER,
          "",
          new StoredRecord.Payload(20_261, "tokens:1", new byte[] {1, 2, 3}),
          Optional.of(new StoredRecord.Payload(18, "", "m".getBytes(StandardCharsets.UTF_8))));

  @Test
  @DisplayName("key and record of version 1 have the bytes that they had when it was made")
  void golden() throws EventFormatException {
    String key = "650009526571756573747c610000000000000102";
    String value =
        "0103fb9fced0aa336f1c1fa08a4b4ad59c2e1d0c7a0e3b1100a59e0108746f6b656e733a310301020312000"
            + "16dfd6e20f1";
    byte[] stored = RECORD.encode(KEY);

    assertThat(HexFormat.of().formatHex(KEY)).isEqualTo(key);
    assertThat(HexFormat.of().formatHex(stored)).isEqualTo(value);
    assertThat(StoredRecord.decode(KEY, stored)).usingRecursiveComparison().isEqualTo(RECORD);
    assertThat(RecordKeys.idOf(KEY)).isEqualTo("Request|a");
    assertThat(RecordKeys.sequenceNrOf(KEY)).isEqualTo(258);
  }

  @Test
  @DisplayName("every flipped bit of key or value is found out, and every shorter length")
  void everyBit() {
    byte[] stored = RECORD.encode(KEY);
    for (int bit = 0; bit < 8 * stored.length; bit++) {
      byte[] flipped = stored.clone();
      flipped[bit / 8] ^= (byte) (1 << (bit % 8));
      assertThatThrownBy(() -> StoredRecord.decode(KEY, flipped))
          .isInstanceOf(EventFormatException.class)
          .hasMessageContaining("CRC-32C");
    }
    for (int bit = 0; bit < 8 * KEY.length; bit++) {
      byte[] flipped = KEY.clone();
      flipped[bit / 8] ^= (byte) (1 << (bit % 8));
      assertThatThrownBy(() -> StoredRecord.decode(flipped, stored))
          .isInstanceOf(EventFormatException.class);
    }
    for (int length = 0; length < stored.length; length++) {
      byte[] cut = Arrays.copyOf(stored, length);
      assertThatThrownBy(() -> StoredRecord.decode(KEY, cut))
          .isInstanceOf(EventFormatException.class);
    }
  }

  @Test
  @DisplayName("an id longer than its length field can say is refused")
  void longId() {
    String id = "x".repeat(70_000);
    assertThatThrownBy(() -> RecordKeys.event(id, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("70000 bytes");
  }
}
