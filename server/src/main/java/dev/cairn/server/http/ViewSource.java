package dev.cairn.server.http;

import dev.cairn.actors.RequestView;
import dev.cairn.request.Snapshot;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.pekko.Done;
import org.apache.pekko.stream.Attributes;
import org.apache.pekko.stream.Outlet;
import org.apache.pekko.stream.SourceShape;
import org.apache.pekko.stream.stage.AbstractOutHandler;
import org.apache.pekko.stream.stage.AsyncCallback;
import org.apache.pekko.stream.stage.GraphStage;
import org.apache.pekko.stream.stage.GraphStageLogic;

/**
 * Follows a request: emits its newest snapshot whenever there is demand and it has changed, the
 * last one when the request has ended, and then completes.
 *
 * <p>There is no buffer. A slow client takes fewer and larger snapshots and costs nothing
 * meanwhile: without demand a publication does not even wake the stage. Whatever way the stream
 * ends, its subscription to the view ends with it.
 */
final class ViewSource extends GraphStage<SourceShape<Snapshot>> {
  private final Outlet<Snapshot> out = Outlet.create("ViewSource.out");
  private final SourceShape<Snapshot> shape = SourceShape.of(out);
  private final RequestView view;
  private final ClientConnection connection;
  private final ClientConnection server;
  private final Runnable abandoned;

  /**
   * @param connection ends the stream when it closes; without it, only a write that fails would
   *     show that the client has left
   * @param server the server's side of all connections: when it closes the stream ends behind the
   *     event that it is at, and the client is expected to go on elsewhere
   * @param abandoned called when the consumer leaves before the request's end, after the
   *     subscription has ended
   */
  ViewSource(
      RequestView view, ClientConnection connection, ClientConnection server, Runnable abandoned) {
    this.view = view;
    this.connection = connection;
    this.server = server;
    this.abandoned = abandoned;
  }

  @Override
  public SourceShape<Snapshot> shape() {
    return shape;
  }

  @Override
  public GraphStageLogic createLogic(Attributes attributes) {
    return new Follower();
  }

  private final class Follower extends GraphStageLogic {
    /** There is demand, and everything published so far has been emitted. */
    private final AtomicBoolean hungry = new AtomicBoolean();

    private final AsyncCallback<Done> changed = createAsyncCallback(done -> offer());
    private final AsyncCallback<Done> left = createAsyncCallback(done -> leave());
    private RequestView.Subscription subscription;
    private final AsyncCallback<Done> sentAway = createAsyncCallback(done -> completeStage());
    private ClientConnection.Registration registration;
    private ClientConnection.Registration serverRegistration;
    private Snapshot last;

    Follower() {
      super(shape);
      setHandler(
          out,
          new AbstractOutHandler() {
            @Override
            public void onPull() {
              offer();
            }

            @Override
            public void onDownstreamFinish(Throwable cause) {
              leave();
            }
          });
    }

    @Override
    public void preStart() {
      subscription = view.subscribe(this::wake);
      registration = connection.onClose(() -> left.invoke(Done.getInstance()));
      serverRegistration = server.onClose(() -> sentAway.invoke(Done.getInstance()));
    }

    @Override
    public void postStop() {
      subscription.cancel();
      registration.cancel();
      serverRegistration.cancel();
    }

    private void leave() {
      subscription.cancel();
      completeStage();
      abandoned.run();
    }

    /** On the publisher's thread. */
    private void wake() {
      if (hungry.compareAndSet(true, false)) {
        changed.invoke(Done.getInstance());
      }
    }

    @SuppressWarnings("ReferenceEquality") // Each publication is a snapshot of its own.
    private void offer() {
      if (!isAvailable(out)) {
        return;
      }
      Snapshot now = view.snapshot();
      if (now == last) {
        hungry.set(true);
        now = view.snapshot();
        if (now == last || !hungry.compareAndSet(true, false)) {
          return;
        }
      }
      last = now;
      push(out, now);
      if (now.finish().isPresent()) {
        complete(out);
      }
    }
  }
}
