package dev.cairn.placement;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.persistence.RequestSpec;
import dev.cairn.persistence.Scheduling;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class MeetingPlaceTest {
  private static final List<String> DEVICES = List.of("cpu-0@a", "cpu-0@b", "cpu-0@c");

  private static RequestSpec spec(String id, Scheduling scheduling) {
    return RequestSpec.of(id, "m", "print", 1, 2).scheduling(scheduling).build();
  }

  private static MeetingPlace session(String name) {
    return MeetingPlace.of(spec("r", Scheduling.DEFAULT.withSession(name))).orElseThrow();
  }

  @Test
  @DisplayName("L7 turns of a session meet on one device, whoever places them and in what order")
  void turnsMeet() {
    Map<String, Integer> counts = new HashMap<>();
    for (int i = 0; i < 300; i++) {
      String chosen = session("s" + i).among(DEVICES, "");
      assertThat(session("s" + i).among(List.of("cpu-0@c", "cpu-0@b", "cpu-0@a"), ""))
          .isEqualTo(chosen);
      counts.merge(chosen, 1, Integer::sum);
    }
    assertThat(counts.values()).as("spread").allMatch(count -> count > 60);
  }

  @Test
  @DisplayName("L7 a device that joins moves only the sessions that belong there, and none at work")
  void joiningMovesFew() {
    List<String> more = new ArrayList<>(DEVICES);
    more.add("cpu-0@d");
    int moved = 0;
    for (int i = 0; i < 300; i++) {
      String before = session("s" + i).among(DEVICES, "");
      String after = session("s" + i).among(more, "");
      assertThat(after).isIn(before, "cpu-0@d");
      moved += after.equals(before) ? 0 : 1;
      assertThat(session("s" + i).among(more, before)).as("at work").isEqualTo(before);
    }
    assertThat(moved).isBetween(30, 150);
  }

  @Test
  @DisplayName("L7 where the device of a session is gone all its turns meet on another one")
  void leavingMeetsElsewhere() {
    String before = session("s").among(DEVICES, "");
    List<String> left = DEVICES.stream().filter(device -> !device.equals(before)).toList();
    String after = session("s").among(left, before);
    assertThat(after).isIn(left).isEqualTo(session("s").among(left, ""));
    assertThat(session("s").among(List.of(), before)).isEmpty();
  }

  @Test
  @DisplayName("S8 members of a group meet, those of another group or tenant by themselves")
  void groupsMeet() {
    Scheduling group = Scheduling.DEFAULT.withGroup("g", 2);
    assertThat(MeetingPlace.of(spec("a", group))).isEqualTo(MeetingPlace.of(spec("b", group)));
    assertThat(MeetingPlace.of(spec("a", group.withTenant("t"))))
        .isNotEqualTo(MeetingPlace.of(spec("a", group)));
    assertThat(MeetingPlace.of(spec("a", group.withSession("s"))))
        .as("a session's turns, its groups included, are on one device")
        .contains(session("s"));
    assertThat(MeetingPlace.of(spec("a", Scheduling.DEFAULT))).isEmpty();
  }
}
