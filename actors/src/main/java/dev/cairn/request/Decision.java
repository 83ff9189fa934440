package dev.cairn.request;

import dev.cairn.persistence.RequestEvent;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * What a request does about something that happened: events first, and when these are durable, the
 * effects that follow from the new state.
 *
 * @param events to write in one commit, perhaps none
 * @param whenDurable what to do then
 */
public record Decision<C, D>(
    List<RequestEvent> events, BiConsumer<RequestState, Effects<C, D>> whenDurable) {
  public Decision {
    events = List.copyOf(events);
  }

  static <C, D> Decision<C, D> act(Consumer<Effects<C, D>> effects) {
    return new Decision<>(List.of(), (state, to) -> effects.accept(to));
  }

  static <C, D> Decision<C, D> nothing() {
    return act(to -> {});
  }
}
