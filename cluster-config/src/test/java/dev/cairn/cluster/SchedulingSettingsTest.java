package dev.cairn.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.cairn.persistence.Band;
import dev.cairn.scheduling.LookUpPolicy;
import dev.cairn.scheduling.SchedulingPolicy;
import dev.cairn.scheduling.TenantPolicy;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class SchedulingSettingsTest {
  @Test
  @DisplayName("L13 every key of cairn.scheduling reaches the policy that the scheduler enforces")
  void everyKeyIsRead() {
    SchedulingPolicy policy =
        policy(
            """
            cairn.scheduling {
              max-running = 7, aging { after = 2 s, every = 3 }, look-ahead = 5, max-bypasses = 6
              latency-factor = 2.5, min-chunk = 9, preempt-for-share = off, budget-window = 11 s
              group-patience = 12 s, max-idle-tenants = 13
              look-up { default = on, max-draft = 3, min-ngram = 4, max-ngram = 6, max-rows = 10 }
            }
            """);
    SchedulingPolicy expected =
        new SchedulingPolicy(
            7,
            2_000_000_000L,
            3,
            5,
            6,
            2.5,
            9,
            11_000_000_000L,
            12_000_000_000L,
            13,
            false,
            new LookUpPolicy(true, 3, 4, 6, 10),
            policy.tenants(),
            policy.others());
    assertThat(policy).isEqualTo(expected);
  }

  @Test
  @DisplayName("L13 a tenant has what is said of it, and the default's for the rest")
  void tenantsFallBackToTheDefault() {
    SchedulingPolicy policy =
        policy(
            """
            cairn.tenants {
              default { weight = 2, budget-tokens = 100 }
              acme { weight = 3, max-running = 4, highest-band = batch }
              "a.b" { budget-tokens = 5 }
            }
            """);
    assertThat(policy.others())
        .isEqualTo(new TenantPolicy(2, Integer.MAX_VALUE, Band.PRODUCTION, 100));
    assertThat(policy.tenants())
        .containsEntry("acme", new TenantPolicy(3, 4, Band.BATCH, 100))
        .containsEntry("a.b", new TenantPolicy(2, Integer.MAX_VALUE, Band.PRODUCTION, 5))
        .hasSize(2);
  }

  @Test
  @DisplayName("caps and rates of a tenant, and what differs for one model")
  void capsAndRates() {
    String text =
        """
        cairn.tenants {
          default { max-queued = 5, tokens-per-minute = 900 }
          acme {
            max-queued = 7, requests-per-minute = 60
            models."m.gguf" { max-running = 2, max-queued = 1 }
          }
        }
        """;
    TenantSettings other = TenantSettings.from(config(text), "other");
    assertThat(other.of("acme").maxQueued()).isEqualTo(7);
    assertThat(other.of("acme").requestsPerMinute()).isEqualTo(60);
    assertThat(other.of("acme").tokensPerMinute()).isEqualTo(900);
    assertThat(other.of("acme").policy().maxRunning()).isEqualTo(Integer.MAX_VALUE);
    assertThat(other.of("nobody").maxQueued()).isEqualTo(5);
    TenantSettings model = TenantSettings.from(config(text), "m.gguf");
    assertThat(model.of("acme").maxQueued()).isEqualTo(1);
    assertThat(model.of("acme").policy().maxRunning()).isEqualTo(2);
    assertThat(model.of("acme").requestsPerMinute()).isEqualTo(60);
    assertThatThrownBy(() -> TenantSettings.from(config("cairn.tenants.acme.max-queued = -1"), "m"))
        .hasMessageContaining("cairn.tenants.acme: max-queued is -1");
  }

  @Test
  void noMoreRunThanThereAreSlots() {
    assertThat(SchedulingSettings.from(config(""), 5, "m").maxRunning()).isEqualTo(5);
  }

  @Test
  void valuesWithoutSenseNameTheTenantAndWhatIsExpected() {
    assertThatThrownBy(() -> policy("cairn.tenants.acme.weight = 0"))
        .hasMessage("cairn.tenants.acme: weight is 0.0, expected more than 0");
    assertThatThrownBy(() -> policy("cairn.tenants.acme.highest-band = urgent"))
        .hasMessage(
            "cairn.tenants.acme: highest-band is 'urgent', expected one of"
                + " [system, production, interactive, batch]");
    assertThatThrownBy(() -> policy("cairn.scheduling.latency-factor = 1"))
        .hasMessage("latency-factor is 1.0, expected more than 1");
  }

  private static SchedulingPolicy policy(String text) {
    return SchedulingSettings.from(config(text), 80, "m");
  }

  private static Config config(String text) {
    return ConfigFactory.parseString(text).withFallback(ConfigFactory.defaultReference()).resolve();
  }
}
