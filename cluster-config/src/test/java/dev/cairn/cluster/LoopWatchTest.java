package dev.cairn.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.apache.pekko.actor.PoisonPill;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LoopWatchTest {
  @TempDir Path directory;

  @Test
  @DisplayName(
      "S17 a directory of devices, relay, scheduler or admin actor that ended turns readiness off")
  void endedLoops() {
    SimulatedNodes nodes = new SimulatedNodes();
    for (List<String> loop :
        List.of(
            List.of("devices", "the directory of devices ended"),
            List.of("relay", "the relay ended"),
            List.of("scheduler", "the scheduler ended"),
            List.of("draining-nodes", "the list of draining nodes ended"),
            List.of("node-admin", "the node's admin actor ended"))) {
      String data = directory.resolve(loop.get(0)).toString();
      try (CairnNode node = nodes.start("cairn.journal.directory = \"" + data + "\"", false)) {
        assertThat(node.readiness().isReady()).isTrue();
        node.system()
            .classicSystem()
            .actorSelection("/user/" + loop.get(0))
            .tell(PoisonPill.getInstance(), org.apache.pekko.actor.ActorRef.noSender());
        long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (node.readiness().isReady()) {
          assertThat(System.nanoTime()).as("time until %s", loop.get(1)).isLessThan(deadline);
          Thread.onSpinWait();
        }
        assertThat(node.readiness().reasons()).containsValue(loop.get(1));
      }
    }
  }
}
