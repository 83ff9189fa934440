package dev.cairn.scheduling;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cairn.scheduling.PendingReason.Code;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class WaitingReasonsTest {
  private final Cairns cairns = Cairns.running(2);

  private Map<Code, Integer> reasons() {
    return cairns.driver.core.waitingByReason(cairns.driver.now);
  }

  private void submit(String tenant, int count) {
    for (int i = 0; i < count; i++) {
      cairns.submit(Requested.of(tenant + i).tenant(tenant));
    }
  }

  @Test
  @DisplayName("what waits is counted by the reason that each would say for itself")
  void counted() {
    assertThat(reasons()).isEmpty();
    submit("a", 2);
    cairns.step();
    submit("held", 3);
    cairns.driver.core.holdTenant("held");
    submit("b", 4);
    assertThat(reasons())
        .containsExactlyInAnyOrderEntriesOf(
            Map.of(Code.TENANT_PAUSED, 3, Code.DEVICE_FULL, 1, Code.QUEUED, 3));
    cairns.driver.core.letTenantGo("held");
    cairns.drain();
    assertThat(reasons()).isEmpty();
  }

  @Test
  @DisplayName("of a long queue a bounded number is asked, and the rest counts as queued")
  void bounded() {
    submit("held", 100);
    cairns.driver.core.holdTenant("held");
    submit("a", 1000);
    assertThat(reasons().values().stream().mapToInt(Integer::intValue).sum()).isEqualTo(1100);
    submit("held-too", 2000);
    cairns.driver.core.holdTenant("a");
    cairns.driver.core.holdTenant("held-too");
    assertThat(reasons())
        .containsExactlyInAnyOrderEntriesOf(
            Map.of(Code.TENANT_PAUSED, 256, Code.QUEUED, 3100 - 256));
  }
}
