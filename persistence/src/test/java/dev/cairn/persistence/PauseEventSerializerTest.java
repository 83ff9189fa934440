package dev.cairn.persistence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class PauseEventSerializerTest {
  private final PauseEventSerializer serializer = new PauseEventSerializer();

  @Test
  @DisplayName("the stored form of pauses stays as it is, for it is in journals")
  void form() throws Exception {
    Map<String, PauseEvent> events =
        Map.of(
            "tenant-paused:1", new PauseEvent.TenantPaused("acme"),
            "tenant-resumed:1", new PauseEvent.TenantResumed("Ümlaut"),
            "device-paused:1", new PauseEvent.DevicePaused("cpu-0@a:1"),
            "device-resumed:1", new PauseEvent.DeviceResumed("cpu-0"));
    assertThat(serializer.identifier()).isEqualTo(20_262);
    for (Map.Entry<String, PauseEvent> each : events.entrySet()) {
      byte[] name = each.getValue().name().getBytes(StandardCharsets.UTF_8);
      assertThat(serializer.manifest(each.getValue())).isEqualTo(each.getKey());
      assertThat(serializer.toBinary(each.getValue())).isEqualTo(name);
      assertThat(serializer.fromBinary(name, each.getKey())).isEqualTo(each.getValue());
    }
  }

  @Test
  void whatIsNoPauseIsRefused() {
    byte[] name = {'a'};
    assertThatThrownBy(() -> serializer.fromBinary(name, "tenant-paused:2"))
        .isInstanceOf(EventFormatException.class)
        .hasMessageContaining("\"tenant-paused:2\", expected a pause of form 1");
    assertThatThrownBy(() -> serializer.fromBinary(new byte[0], "tenant-paused:1"))
        .isInstanceOf(EventFormatException.class)
        .hasMessageContaining("has 0 characters");
    assertThatThrownBy(() -> serializer.fromBinary(new byte[] {-1}, "tenant-paused:1"))
        .isInstanceOf(EventFormatException.class)
        .hasMessageContaining("not UTF-8");
    assertThatThrownBy(() -> serializer.toBinary("text"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new PauseEvent.TenantPaused(""))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
