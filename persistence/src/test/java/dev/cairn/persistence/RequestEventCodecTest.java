package dev.cairn.persistence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.cbor.CBORFactory;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class RequestEventCodecTest {
  private static final ObjectMapper CBOR = new ObjectMapper(new CBORFactory());
  private final RequestEventSerializer serializer = new RequestEventSerializer();

  @Test
  @DisplayName("every event comes back as it was written")
  void roundTrip() throws IOException {
    long seed = Long.getLong("cairn.seed", System.nanoTime());
    System.out.println("RequestEventCodecTest.roundTrip: -Dcairn.seed=" + seed);
    Random random = new Random(seed);
    for (int n = 0; n < 2000; n++) {
      RequestEvent event = Events.random(random);
      byte[] bytes = serializer.toBinary(event);
      Object read = serializer.fromBinary(bytes, serializer.manifest(event));

      assertThat(read).usingRecursiveComparison().as("seed %d, event %d", seed, n).isEqualTo(event);
      assertThat(serializer.toBinary(read)).isEqualTo(bytes);
    }
  }

  @Test
  @DisplayName("L12 the raw bytes of every event carry schema version, request, epoch and index")
  void identity() throws IOException {
    for (RequestEvent event : Events.golden().values()) {
      assertThat(RequestEventCodec.header(serializer.toBinary(event)))
          .isEqualTo(
              new EventHeader(
                  RequestEvent.SCHEMA_VERSION, event.requestId(), event.epoch(), event.index()));
      assertThat(serializer.manifest(event)).endsWith(":" + RequestEvent.SCHEMA_VERSION);
    }
  }

  @Test
  @DisplayName("bytes of every schema version are read as they were meant")
  void golden() throws IOException {
    assertReads("/golden/schema-1.properties", Events.goldenOfVersion1());
    assertReads("/golden/schema-2.properties", Events.goldenOfVersion2());
    assertReads("/golden/schema-3.properties", Events.golden());
  }

  @Test
  @DisplayName("the newest schema version is written as it was when it was made")
  void goldenWritten() throws IOException {
    Properties golden = load("/golden/schema-" + RequestEvent.SCHEMA_VERSION + ".properties");
    Events.golden()
        .forEach(
            (name, event) ->
                assertThat(
                        RequestEventCodec.manifest(event)
                            + " "
                            + HexFormat.of().formatHex(RequestEventCodec.encode(event)))
                    .as(name)
                    .isEqualTo(golden.getProperty(name)));
  }

  private static void assertReads(String resource, Map<String, RequestEvent> events)
      throws IOException {
    Properties golden = load(resource);
    assertThat(golden.stringPropertyNames()).isEqualTo(events.keySet());
    for (Map.Entry<String, RequestEvent> each : events.entrySet()) {
      String[] stored = golden.getProperty(each.getKey()).split(" ", 2);
      assertThat(RequestEventCodec.decode(HexFormat.of().parseHex(stored[1]), stored[0]))
          .as("%s of %s", each.getKey(), resource)
          .usingRecursiveComparison()
          .isEqualTo(each.getValue());
    }
  }

  private static Properties load(String resource) throws IOException {
    Properties golden = new Properties();
    try (InputStream in = RequestEventCodecTest.class.getResourceAsStream(resource)) {
      golden.load(in);
    }
    return golden;
  }

  @Test
  @DisplayName("one token takes no more than 60 bytes")
  void small() {
    assertThat(serializer.toBinary(Events.golden().get("tokens-one"))).hasSizeLessThanOrEqualTo(60);
  }

  @Test
  @DisplayName("an unknown manifest and a newer schema version are refused by name")
  void refusesUnknown() {
    byte[] bytes = serializer.toBinary(Events.golden().get("finished"));
    assertThatThrownBy(() -> serializer.fromBinary(bytes, "finished:4"))
        .isInstanceOf(EventFormatException.class)
        .hasMessageContaining("finished:4")
        .hasMessageContaining("newer program");
    for (String manifest : new String[] {"", "revoked:1", "finished", "finished:0", "finished:x"}) {
      assertThatThrownBy(() -> serializer.fromBinary(bytes, manifest))
          .isInstanceOf(EventFormatException.class)
          .hasMessageContaining("\"" + manifest + "\"");
    }
    byte[] newer = bytes.clone();
    newer[0] = 4;
    assertThatThrownBy(() -> serializer.fromBinary(newer, "finished:3"))
        .isInstanceOf(EventFormatException.class)
        .hasMessageContaining("schema version 4");
    assertThatThrownBy(() -> serializer.toBinary("text"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("java.lang.String");
  }

  @Test
  @DisplayName("an event that was cut short or made longer is refused")
  void refusesOtherLengths() {
    for (RequestEvent event : Events.golden().values()) {
      byte[] bytes = serializer.toBinary(event);
      for (int length = 0; length < bytes.length; length++) {
        byte[] cut = Arrays.copyOf(bytes, length);
        assertThatThrownBy(() -> serializer.fromBinary(cut, serializer.manifest(event)))
            .isInstanceOf(EventFormatException.class);
      }
      byte[] longer = Arrays.copyOf(bytes, bytes.length + 1);
      assertThatThrownBy(() -> serializer.fromBinary(longer, serializer.manifest(event)))
          .isInstanceOf(EventFormatException.class)
          .hasMessageContaining("1 bytes follow");
    }
  }

  @Test
  @DisplayName("H7 random bytes are refused with a reason and never allocate what they claim")
  void refusesNoise() {
    long seed = Long.getLong("cairn.seed", System.nanoTime());
    System.out.println("RequestEventCodecTest.refusesNoise: -Dcairn.seed=" + seed);
    Random random = new Random(seed);
    for (int n = 0; n < 2000; n++) {
      byte[] noise = serializer.toBinary(Events.golden().get("tokens-logprobs"));
      for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
        noise[random.nextInt(noise.length)] = (byte) random.nextInt();
      }
      try {
        assertThat(serializer.fromBinary(noise, "tokens:3")).isInstanceOf(RequestEvent.class);
      } catch (IOException refused) {
        assertThat(refused).isInstanceOf(EventFormatException.class).message().isNotBlank();
      }
    }
  }

  @Test
  @DisplayName(
      "an accepted request's unknown field is ignored, its missing or mistyped one refused")
  void acceptedFields() throws IOException {
    RequestSpec spec = ((RequestEvent.Accepted) Events.golden().get("accepted")).spec();
    ObjectNode map = (ObjectNode) CBOR.readTree(AcceptedCbor.encode(spec));

    ObjectNode more = map.deepCopy().put("@class", "java.lang.Runtime").put("later", 1);
    assertThat(AcceptedCbor.decode(CBOR.writeValueAsBytes(more), 3)).isEqualTo(spec);

    for (Iterator<String> names = map.fieldNames(); names.hasNext(); ) {
      String name = names.next();
      ObjectNode missing = map.deepCopy();
      missing.remove(name);
      assertRefused(missing, name);
      assertRefused(map.deepCopy().putNull(name), name);
    }
    for (String part : new String[] {"sampling", "constraints", "scheduling"}) {
      for (Iterator<String> names = map.get(part).fieldNames(); names.hasNext(); ) {
        String name = names.next();
        ObjectNode missing = map.deepCopy();
        ((ObjectNode) missing.get(part)).remove(name);
        assertRefused(missing, name);
      }
    }
    ObjectNode impossible = map.deepCopy();
    ((ObjectNode) impossible.get("constraints")).put("minKvTokens", -1);
    assertThatThrownBy(() -> AcceptedCbor.decode(CBOR.writeValueAsBytes(impossible), 3))
        .isInstanceOf(EventFormatException.class)
        .hasMessageContaining("-1 KV tokens");
    ((ObjectNode) map.get("scheduling")).put("band", 9);
    assertThatThrownBy(() -> AcceptedCbor.decode(CBOR.writeValueAsBytes(map), 3))
        .isInstanceOf(EventFormatException.class)
        .hasMessageContaining("band is 9");
    assertThatThrownBy(() -> AcceptedCbor.decode("no CBOR".getBytes(StandardCharsets.UTF_8), 3))
        .isInstanceOf(EventFormatException.class);
  }

  private static void assertRefused(ObjectNode map, String name) throws IOException {
    byte[] bytes = CBOR.writeValueAsBytes(map);
    assertThatThrownBy(() -> AcceptedCbor.decode(bytes, 3))
        .isInstanceOf(EventFormatException.class)
        .hasMessageContaining("\"" + name + "\"");
  }
}
