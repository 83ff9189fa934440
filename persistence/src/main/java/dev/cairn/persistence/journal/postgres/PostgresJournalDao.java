package dev.cairn.persistence.journal.postgres;

import org.apache.pekko.dispatch.Futures;
import org.apache.pekko.persistence.jdbc.config.JournalConfig;
import org.apache.pekko.persistence.jdbc.journal.dao.DefaultJournalDao;
import org.apache.pekko.persistence.jdbc.journal.dao.JournalTables.JournalPekkoSerializationRow;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.stream.Materializer;
import scala.Tuple2;
import scala.collection.immutable.Seq;
import scala.concurrent.ExecutionContext;
import scala.concurrent.Future;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.BoxedUnit;
import scala.util.Try;
import slick.jdbc.JdbcBackend.JdbcDatabaseDef;
import slick.jdbc.JdbcProfile;

/**
 * How pekko-persistence-jdbc writes, measured and bounded. The plugin commits what many entities
 * write in one transaction; where one of them lost its place to another incarnation, that
 * transaction is rolled back for all. They are written again then, each alone, so that only the
 * loser fails.
 */
public final class PostgresJournalDao extends DefaultJournalDao {
  private final PostgresJournal journal;

  /** As the plugin makes it. */
  public PostgresJournalDao(
      JdbcDatabaseDef db,
      JdbcProfile profile,
      JournalConfig config,
      Serialization serialization,
      ExecutionContext executor,
      Materializer materializer) {
    super(db, profile, config, serialization, executor, materializer);
    journal = PostgresJournal.get(materializer.system());
  }

  @Override
  public Future<BoxedUnit> queueWriteJournalRows(
      Seq<Tuple2<JournalPekkoSerializationRow, scala.collection.immutable.Set<String>>> rows) {
    if (rows.isEmpty()) {
      return super.queueWriteJournalRows(rows);
    }
    RuntimeException full = journal.enter();
    if (full != null) {
      return Futures.failed(full);
    }
    return super.queueWriteJournalRows(rows)
        .transformWith(
            written ->
                written.isFailure() && SqlStates.isConflict(written.failed().get())
                    ? writeJournalRows(rows)
                    : Future.fromTry(written),
            ec())
        .transform(written -> left(rows, written), ec());
  }

  private Try<BoxedUnit> left(
      Seq<Tuple2<JournalPekkoSerializationRow, scala.collection.immutable.Set<String>>> rows,
      Try<BoxedUnit> written) {
    JournalPekkoSerializationRow first = rows.head()._1();
    return journal.left(written, first.persistenceId(), first.sequenceNumber());
  }

  @Override
  public Future<BoxedUnit> writeJournalRows(
      Seq<Tuple2<JournalPekkoSerializationRow, scala.collection.immutable.Set<String>>> rows) {
    long bytes = 0;
    for (var row : CollectionConverters.asJava(rows)) {
      bytes += row._1().eventPayload().length;
    }
    long committed = bytes;
    long begun = journal.begin();
    return super.writeJournalRows(rows)
        .transform(
            written -> {
              journal.end(written.isSuccess(), begun, rows.size(), committed);
              return written;
            },
            ec());
  }
}
