package dev.cairn.cluster;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigValueFactory;
import dev.cairn.persistence.journal.postgres.PostgresException;
import dev.cairn.persistence.journal.postgres.PostgresJournal;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.pekko.cluster.Member;

/**
 * A gateway's journal as a role of its member, so that every node sees whether two gateways share
 * one. A device has none.
 */
final class JournalRole {
  private static final String PREFIX = "journal-";
  private static final String ROCKS = PREFIX + "rocksdb";
  private static final String POSTGRES = PREFIX + "postgres-";
  private static final String ROLES = "pekko.cluster.roles";

  private JournalRole() {}

  /**
   * A configuration with the role that the journal in it gives the node. A journal in PostgreSQL is
   * waited for, made or checked.
   *
   * @throws PostgresException where it cannot be used
   */
  static Config withRole(Config config) {
    ClusterSettings cluster = ClusterSettings.from(config);
    if (!cluster.isGateway()) {
      return config;
    }
    List<String> roles = new ArrayList<>(config.getStringList(ROLES));
    roles.add(
        cluster.profile() == Profile.CLUSTER ? POSTGRES + PostgresJournal.prepare(config) : ROCKS);
    return config.withValue(ROLES, ConfigValueFactory.fromIterable(roles));
  }

  /** Why a gateway may not join an older one; empty where it may. */
  static Optional<String> refusal(Member self, Member older) {
    String own = of(self);
    String theirs = of(older);
    if (own.startsWith(POSTGRES) && own.equals(theirs)) {
      return Optional.empty();
    }
    String gateway = "the cluster has a gateway at " + Membership.hostAndPort(older);
    if (!theirs.startsWith(POSTGRES)) {
      return Optional.of(
          gateway
              + " already, whose journal this node cannot share; expected"
              + " cairn.node.roles = [device]"
              + (own.startsWith(POSTGRES) ? ", or cairn.profile = cluster on every gateway" : ""));
    }
    return Optional.of(
        gateway
            + " whose journal is "
            + described(theirs)
            + ", and this node's is "
            + described(own)
            + "; expected the same one: cairn.profile = cluster and the same cairn.postgres.url");
  }

  private static String of(Member member) {
    return member.getRoles().stream()
        .filter(role -> role.startsWith(PREFIX))
        .findFirst()
        .orElse(ROCKS);
  }

  private static String described(String role) {
    return role.startsWith(POSTGRES)
        ? "the PostgreSQL database " + role.substring(POSTGRES.length())
        : "its own, in RocksDB";
  }
}
