package dev.cairn.persistence.journal;

import java.util.List;
import java.util.Optional;
import org.apache.pekko.dispatch.Futures;
import scala.concurrent.Future;
import scala.concurrent.Promise;

/** What waits in the journal's queue, with the promise that it is answered by. */
sealed interface Command {
  List<String> persistenceIds();

  int events();

  long bytes();

  Promise<?> promise();

  /** Writes of one actor; a result for each of them, empty where it was stored. */
  record Write(
      List<EncodedWrite> writes,
      List<String> persistenceIds,
      int events,
      long bytes,
      Promise<List<Optional<Exception>>> promise)
      implements Command {
    static Write of(List<EncodedWrite> writes) {
      int events = 0;
      long bytes = 0;
      for (EncodedWrite write : writes) {
        events += write.records().size();
        bytes += write.bytes();
      }
      List<String> ids = writes.stream().map(EncodedWrite::persistenceId).distinct().toList();
      return new Write(List.copyOf(writes), ids, events, bytes, Futures.promise());
    }

    Future<List<Optional<Exception>>> future() {
      return promise.future();
    }
  }

  /** Deletes finished requests, with all that is kept of them. */
  record Expire(List<JournalRecords.FinishedRequest> requests, Promise<Void> promise)
      implements Command {
    static Expire of(List<JournalRecords.FinishedRequest> requests) {
      return new Expire(List.copyOf(requests), Futures.promise());
    }

    @Override
    public List<String> persistenceIds() {
      return requests.stream()
          .map(JournalRecords.FinishedRequest::persistenceId)
          .distinct()
          .toList();
    }

    @Override
    public int events() {
      return 0;
    }

    @Override
    public long bytes() {
      return requests.stream().mapToLong(request -> 4L * request.key().length).sum();
    }
  }

  /** Deletes an id's events up to a sequence number, that one included. */
  record Delete(String persistenceId, long to, Promise<Void> promise) implements Command {
    static Delete of(String persistenceId, long to) {
      return new Delete(persistenceId, to, Futures.promise());
    }

    @Override
    public List<String> persistenceIds() {
      return List.of(persistenceId);
    }

    @Override
    public int events() {
      return 0;
    }

    @Override
    public long bytes() {
      return persistenceId.length();
    }
  }
}
