package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.actors.RequestView;
import dev.cairn.model.TextStream;
import dev.cairn.persistence.FinishReason;
import dev.cairn.persistence.RequestIds;
import dev.cairn.persistence.RequestSpec;
import dev.cairn.request.Snapshot;
import dev.cairn.server.NodeHandle;
import dev.cairn.server.http.ApiError;
import dev.cairn.server.http.ChatParser;
import dev.cairn.server.http.HttpSettings;
import java.io.IOException;
import java.io.PrintWriter;
import java.security.SecureRandom;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/**
 * A chat on the command line: one session, so that its turns stay on the blocks of those before.
 */
final class Chat {
  private static final String HELP =
      "/clear forgets what was said, /exit or Ctrl-D ends, Ctrl-C breaks an answer off.";

  private final NodeHandle node;
  private final ChatParser parser;
  private final Supplier<ObjectNode> options;
  private final ChatHistory history;
  private final String session;
  private final PrintWriter out;
  private final PrintWriter notes;

  /**
   * @param options sampling and length, as in the body of a chat completion
   * @param instructions the system's message
   * @param notes told what is no part of an answer
   */
  Chat(
      NodeHandle node,
      HttpSettings settings,
      Supplier<ObjectNode> options,
      Optional<String> instructions,
      PrintWriter out,
      PrintWriter notes) {
    RequestIds ids = new RequestIds(System::currentTimeMillis, new SecureRandom());
    this.node = node;
    this.parser = new ChatParser(node, settings, ids, System::currentTimeMillis);
    this.options = options;
    this.history = new ChatHistory(instructions);
    this.session = "chat-" + ids.next();
    this.out = out;
    this.notes = notes;
  }

  /** Answers lines until the input ends, or one says so. */
  void run(ChatInput input) throws IOException, InterruptedException {
    note(HELP);
    while (true) {
      Optional<String> line = input.read();
      String question = line.orElse("/exit").strip();
      switch (question) {
        case "":
          break;
        case "/exit", "/quit":
          return;
        case "/clear":
          history.clear();
          note("What was said is forgotten.");
          break;
        case "/help":
          note(HELP);
          break;
        default:
          if (question.startsWith("/")) {
            note("There is no " + question + ". " + HELP);
          } else {
            ask(question, input);
          }
      }
    }
  }

  private void ask(String question, ChatInput input) throws InterruptedException {
    Optional<RequestSpec> request = request(question);
    if (request.isEmpty()) {
      return;
    }
    String id = request.get().id();
    // Cancelling comes behind submitting, also where Ctrl-C is pressed before there is a request.
    CompletionStage<RequestView> submitted = node.requests().submit(request.get());
    input.onInterrupt(() -> submitted.thenCompose(begun -> node.requests().cancel(id)));
    RequestView view = submitted.toCompletableFuture().join();
    StringBuilder answer = new StringBuilder();
    try {
      Snapshot end =
          ShownText.follow(
              view,
              new TextStream(node.tokenizer(), view.spec().stop()),
              delta -> {
                // A transcript's answer begins with the space after the name.
                String shown = answer.isEmpty() ? delta.stripLeading() : delta;
                answer.append(shown);
                out.print(shown);
                out.flush();
              });
      out.println();
      out.flush();
      FinishReason reason = end.finish().orElseThrow().reason();
      if (reason == FinishReason.CANCELLED || reason == FinishReason.TIMEOUT) {
        note("The answer was broken off.");
      }
      history.answered(question, answer.toString().strip());
    } catch (IllegalStateException e) {
      out.println();
      out.flush();
      note("No answer: " + e.getMessage());
    } finally {
      input.onInterrupt(() -> {});
    }
  }

  /** The request for an answer, with as much of the conversation as fits; empty: not even alone. */
  private Optional<RequestSpec> request(String question) {
    int forgotten = 0;
    while (true) {
      ObjectNode body = options.get();
      body.set("messages", history.messages(question));
      body.put("session", session);
      try {
        RequestSpec spec = parser.parse(body, Optional.empty()).requests().get(0);
        boolean answerFits = spec.promptTokens().length + spec.maxTokens() <= node.maxContext();
        if (!answerFits && history.forgetOldest()) {
          forgotten++;
          continue;
        }
        if (forgotten > 0) {
          note("The context is full: the oldest of what was said is forgotten.");
        }
        return Optional.of(spec);
      } catch (ApiError e) {
        if (!e.isTooLong() || !history.forgetOldest()) {
          note(e.getMessage());
          return Optional.empty();
        }
        forgotten++;
      }
    }
  }

  private void note(String text) {
    notes.println(text);
    notes.flush();
  }
}
