package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.persistence.journal.JournalReader;
import dev.cairn.persistence.journal.RequestSummary;
import dev.cairn.server.http.Json;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code cairn journal list}. */
@Command(name = "list", description = "Lists requests, in the order of their ids.")
final class JournalListCommand implements Callable<Integer> {
  private static final String ROW = "%-26s  %-9s  %7s  %5s  %-20s  %-24s  %s%n";
  private static final int MODEL_WIDTH = 20;

  @Spec private CommandSpec spec;
  @Mixin private JournalOptions options;

  @Option(names = "--unfinished", description = "Requests alone that have not ended.")
  private boolean unfinished;

  @Option(
      names = "--limit",
      paramLabel = "N",
      defaultValue = "50",
      description = "Most requests to list (default: ${DEFAULT-VALUE}).")
  private int limit;

  @Option(
      names = "--after",
      paramLabel = "ID",
      defaultValue = "",
      description = "Begins behind this request.")
  private String after;

  @Option(names = "--json", description = "Prints one object a line.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    if (limit < 1) {
      throw new IllegalArgumentException("--limit is " + limit + "; expected at least 1.");
    }
    return options.read(spec, this::list);
  }

  private int list(JournalReader journal, PrintWriter out) throws IOException {
    journal.warnings().forEach(warning -> spec.commandLine().getErr().println("cairn: " + warning));
    List<RequestSummary> requests =
        unfinished ? unfinished(journal) : journal.requests(after, limit + 1);
    List<RequestSummary> shown = requests.subList(0, Math.min(limit, requests.size()));
    if (!json) {
      out.printf(ROW, "ID", "STATE", "TOKENS", "EPOCH", "MODEL", "SUBMITTED", "LAST EVENT");
    }
    for (RequestSummary request : shown) {
      if (json) {
        out.println(Json.write(object(request)));
      } else {
        row(out, request);
      }
    }
    out.flush();
    if (shown.size() < requests.size()) {
      spec.commandLine()
          .getErr()
          .println("More follow; see --after " + shown.get(limit - 1).spec().id() + " or --limit.");
    }
    return 0;
  }

  /** An id of the index names the request's actor as well. */
  private List<RequestSummary> unfinished(JournalReader journal) throws IOException {
    List<RequestSummary> requests = new ArrayList<>();
    for (String id : journal.unfinished(after, limit + 1)) {
      Optional<RequestSummary> summary = journal.summary(id);
      summary.ifPresent(requests::add);
    }
    return requests;
  }

  private static void row(PrintWriter out, RequestSummary request) {
    String model = request.spec().model();
    out.printf(
        ROW,
        request.spec().id(),
        request.state(),
        request.tokens(),
        request.epoch(),
        model.length() > MODEL_WIDTH ? model.substring(0, MODEL_WIDTH - 1) + "…" : model,
        JournalEvents.time(request.spec().submittedAtMillis()),
        JournalEvents.time(request.lastEventMillis()));
  }

  private static ObjectNode object(RequestSummary request) {
    ObjectNode object = Json.object();
    object.put("request", request.spec().id());
    object.put("state", request.state());
    object.put("tokens", request.tokens());
    object.put("max_tokens", request.spec().maxTokens());
    object.put("prompt_token_count", request.spec().promptTokens().length);
    object.put("epoch", request.epoch());
    object.put("events", request.events());
    object.put("model", request.spec().model());
    object.put("submitted", JournalEvents.time(request.spec().submittedAtMillis()));
    object.put("last_event", JournalEvents.time(request.lastEventMillis()));
    return object;
  }
}
