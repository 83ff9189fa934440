package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.typesafe.config.Config;
import dev.cairn.model.ModelFile;
import dev.cairn.persistence.journal.CorruptRecordException;
import dev.cairn.persistence.journal.DamagedJournalException;
import dev.cairn.persistence.journal.JournalReader;
import dev.cairn.server.LocalNode;
import dev.cairn.server.http.Json;
import dev.cairn.server.metrics.CairnMetrics;
import dev.cairn.server.replay.Replay;
import dev.cairn.server.replay.ReplayResult;
import dev.cairn.server.replay.ReplayResult.Verdict;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code cairn replay}. */
@Command(
    name = "replay",
    description = {
      "Computes journaled requests once more and compares token by token.",
      "Prints what differs; the exit code is 5 where anything does. A server may be running.",
    })
final class ReplayCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private NodeOptions options;

  @Parameters(index = "0", arity = "0..1", paramLabel = "ID", description = "One request.")
  private String id;

  @Option(
      names = "--profile",
      completionCandidates = Candidates.Profiles.class,
      paramLabel = "NAME",
      description =
          "Which journal: single, of the data directory, or cluster, of cairn.postgres"
              + " (cairn.profile).")
  private String profile;

  @Option(names = "--all", description = "Every request of the journal.")
  private boolean all;

  @Option(
      names = "--concurrency",
      paramLabel = "N",
      defaultValue = "64",
      description = "Most requests that are computed at once (default: ${DEFAULT-VALUE}).")
  private int concurrency;

  @Option(names = "--json", description = "Prints one object for each request and a last one.")
  private boolean json;

  private final int[] counts = new int[Verdict.values().length];
  private long tokens;

  @Override
  public Integer call() throws IOException {
    if (all == (id != null)) {
      throw new ParameterException(
          spec.commandLine(), "Give the ID of a request, or --all for every one of the journal");
    }
    if (concurrency < 1) {
      throw new IllegalArgumentException(
          "--concurrency is " + concurrency + "; expected 1 or more.");
    }
    Config journaled =
        options.config(profile == null ? Map.of() : Map.of("cairn.profile", profile));
    Path data = Path.of(journaled.getString("cairn.journal.directory"));
    try (JournalReader journal = JournalReader.open(journaled);
        TemporaryDirectory scratch = new TemporaryDirectory("cairn-replay")) {
      return replay(journal, data, scratch.path());
    } catch (DamagedJournalException | CorruptRecordException e) {
      spec.commandLine().getErr().println("cairn: " + e.getMessage());
      return Main.JOURNAL_DAMAGED;
    }
  }

  private int replay(JournalReader journal, Path data, Path scratch) throws IOException {
    // What is computed here is thrown away: it needs no disk.
    Config config =
        options.config(
            Map.of(
                "cairn.profile",
                "single",
                "cairn.journal.directory",
                scratch.toString(),
                "cairn.journal.durability",
                "none",
                "cairn.requests.max-unfinished",
                concurrency));
    ModelFile model = options.readModel(data);
    try (CairnMetrics metrics = new CairnMetrics();
        LoadBar bar = new LoadBar(model.spec().name());
        LocalNode node = LocalNode.start(config, model, metrics, bar);
        ProgressBar progress = progress()) {
      Replay replay =
          new Replay(
              node,
              journal,
              concurrency,
              result -> {
                show(result);
                if (progress != null) {
                  progress.step();
                }
              });
      if (all) {
        replay.all();
      } else if (!replay.one(id)) {
        throw new IOException("There is no request " + id + " in the journal.");
      }
    }
    return conclude();
  }

  private static ProgressBar progress() {
    return Logging.onTerminal() ? LoadBar.bar("Replaying", LoadBar.UNKNOWN, " requests", 1) : null;
  }

  private void show(ReplayResult result) {
    counts[result.verdict().ordinal()]++;
    tokens += result.tokens();
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      ObjectNode object = Json.object();
      object.put("request", result.requestId());
      object.put("verdict", result.verdict().name().toLowerCase(Locale.ROOT));
      object.put("tokens", result.tokens());
      object.put("detail", result.detail());
      out.println(Json.write(object));
    } else if (result.verdict() != Verdict.EQUAL) {
      out.println(
          result.requestId()
              + (result.verdict() == Verdict.DIFFERENT ? " differs: " : " is left out: ")
              + result.detail());
    }
    out.flush();
  }

  private int conclude() {
    int equal = counts[Verdict.EQUAL.ordinal()];
    int different = counts[Verdict.DIFFERENT.ordinal()];
    int skipped = counts[Verdict.SKIPPED.ordinal()];
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      ObjectNode object = Json.object();
      object.put("equal", equal);
      object.put("different", different);
      object.put("skipped", skipped);
      object.put("tokens", tokens);
      out.println(Json.write(object));
    } else {
      out.printf(
          "%d of %d requests came out the same, %d tokens compared; %d differ, %d were left out.%n",
          equal, equal + different + skipped, tokens, different, skipped);
    }
    out.flush();
    if (different > 0) {
      return Main.REPLAY_DIFFERS;
    }
    return equal > 0 ? 0 : Main.FAILED;
  }
}
