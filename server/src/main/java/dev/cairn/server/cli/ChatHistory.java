package dev.cairn.server.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cairn.server.http.Json;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/** What was said in a chat so far, as the messages of the request for the next answer. */
final class ChatHistory {
  private record Exchange(String question, String answer) {}

  private final Optional<String> instructions;
  private final Deque<Exchange> exchanges = new ArrayDeque<>();

  /**
   * @param instructions the system's message, which is never forgotten
   */
  ChatHistory(Optional<String> instructions) {
    this.instructions = instructions;
  }

  /** The messages that ask for an answer to a question, after all that is remembered. */
  ArrayNode messages(String question) {
    ArrayNode messages = Json.object().putArray("messages");
    instructions.ifPresent(text -> add(messages, "system", text));
    for (Exchange exchange : exchanges) {
      add(messages, "user", exchange.question());
      add(messages, "assistant", exchange.answer());
    }
    add(messages, "user", question);
    return messages;
  }

  private static void add(ArrayNode messages, String role, String text) {
    ObjectNode message = messages.addObject();
    message.put("role", role);
    message.put("content", text);
  }

  /** Remembers an answer, also one that was broken off. */
  void answered(String question, String answer) {
    exchanges.add(new Exchange(question, answer));
  }

  /** Forgets the oldest exchange; returns whether there was one. */
  boolean forgetOldest() {
    return exchanges.poll() != null;
  }

  void clear() {
    exchanges.clear();
  }
}
