package dev.cairn.persistence.journal;

import dev.cairn.persistence.journal.postgres.PostgresException;
import dev.cairn.persistence.journal.postgres.PostgresJournal;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.pekko.actor.AbstractExtensionId;
import org.apache.pekko.actor.ClassicActorSystemProvider;
import org.apache.pekko.actor.ExtendedActorSystem;

/**
 * The way to an actor system's journal: RocksDB, or PostgreSQL where {@code
 * pekko.persistence.journal.plugin} names the plugin for it. The first call opens it; the end of
 * the actor system closes it, after the writes in flight.
 */
public final class JournalExtension {
  private JournalExtension() {}

  /**
   * The journal of an actor system, typed or classic.
   *
   * @throws UncheckedIOException where the directory is in use, of a newer format or damaged; the
   *     cause says which
   * @throws PostgresException where the database cannot be used
   */
  public static JournalAccess get(ClassicActorSystemProvider system) {
    String plugin =
        system.classicSystem().settings().config().getString("pekko.persistence.journal.plugin");
    return plugin.equals(PostgresJournal.PLUGIN) ? PostgresJournal.get(system) : open(system);
  }

  static OpenJournal open(ClassicActorSystemProvider system) {
    return Id.INSTANCE.get(system);
  }

  private static final class Id extends AbstractExtensionId<OpenJournal> {
    private static final Id INSTANCE = new Id();

    @Override
    public OpenJournal createExtension(ExtendedActorSystem system) {
      OpenJournal journal;
      try {
        journal = OpenJournal.open(JournalSettings.of(system.settings().config()));
      } catch (IOException e) {
        throw new UncheckedIOException(e.getMessage(), e);
      }
      system.registerOnTermination(journal::close);
      return journal;
    }
  }
}
