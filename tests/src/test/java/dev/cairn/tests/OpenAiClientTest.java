package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.completions.Completion;
import com.openai.models.completions.CompletionCreateParams;
import com.openai.models.responses.Response;
import com.openai.models.responses.ResponseCreateParams;
import com.openai.models.responses.ResponseRetrieveParams;
import com.openai.models.responses.ResponseStatus;
import com.openai.models.responses.ResponseStreamEvent;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** OpenAI's own client for the JVM and LangChain4j's, as their users have them. */
class OpenAiClientTest {
  private static final String MODEL = "cairn-tales-5m";

  @TempDir static Path directory;
  private static ServerProcess server;
  private static OpenAIClient client;

  /** What a structured output is read into. */
  public static final class Story {
    public String title;
    public int animals;
    public List<String> names;
  }

  @BeforeAll
  static void start() {
    server = ServerProcess.start(directory.resolve("data")).await();
    client = client(server.address().getPort());
  }

  @AfterAll
  static void stop() {
    client.close();
    server.close();
  }

  private static OpenAIClient client(int port) {
    return OpenAIOkHttpClient.builder()
        .apiKey("none")
        .baseUrl("http://127.0.0.1:" + port + "/v1")
        .timeout(Duration.ofSeconds(60))
        .maxRetries(100)
        .build();
  }

  private static ChatCompletionCreateParams.Builder chat(int tokens) {
    return ChatCompletionCreateParams.builder()
        .model(MODEL)
        .addUserMessage("Tell me of the fox.")
        .maxCompletionTokens(tokens)
        .temperature(0.8)
        .seed(7);
  }

  private static String content(ChatCompletion completion) {
    return completion.choices().get(0).message().content().orElseThrow();
  }

  private static String streamed(ChatCompletionCreateParams params) {
    StringBuilder text = new StringBuilder();
    try (StreamResponse<ChatCompletionChunk> chunks =
        client.chat().completions().createStreaming(params)) {
      chunks.stream()
          .forEach(
              chunk -> chunk.choices().forEach(c -> c.delta().content().ifPresent(text::append)));
    }
    return text.toString();
  }

  @Test
  @DisplayName("openai-java: a chat, streamed and not, says the same, with its usage and reason")
  void chats() {
    ChatCompletionCreateParams params = chat(30).build();
    ChatCompletion whole = client.chat().completions().create(params);
    assertThat(content(whole)).isNotBlank();
    assertThat(whole.usage().orElseThrow().completionTokens()).isBetween(1L, 30L);
    assertThat(whole.choices().get(0).finishReason().toString()).isIn("length", "stop");
    assertThat(streamed(params)).isEqualTo(content(whole));
  }

  @Test
  @DisplayName("openai-java: completions with several choices and prompts, and the list of models")
  void completions() {
    Completion completion =
        client
            .completions()
            .create(
                CompletionCreateParams.builder()
                    .model(MODEL)
                    .promptOfArrayOfStrings(List.of("Once", "There was"))
                    .n(2)
                    .maxTokens(8)
                    .seed(3)
                    .logprobs(2)
                    .build());
    assertThat(completion.choices()).hasSize(4);
    assertThat(completion.choices().get(3).index()).isEqualTo(3);
    assertThat(completion.choices().get(0).logprobs().orElseThrow().tokens().orElseThrow())
        .isNotEmpty();
    assertThat(client.models().list().data())
        .anyMatch(model -> model.id().equals("Cairn Tales 5M"));
  }

  @Test
  @DisplayName("openai-java: an output of a class is read into it")
  void structured() {
    Story story =
        client
            .chat()
            .completions()
            .create(chat(150).responseFormat(Story.class).build())
            .choices()
            .get(0)
            .message()
            .content()
            .orElseThrow();
    assertThat(story.title).isNotNull();
    assertThat(story.names).isNotNull();
  }

  @Test
  @DisplayName("openai-java: a response in the background is read on behind any of its events")
  void responses() {
    ResponseCreateParams params =
        ResponseCreateParams.builder()
            .model(MODEL)
            .input("Tell me of the fox.")
            .maxOutputTokens(40)
            .background(true)
            .putAdditionalBodyProperty("seed", JsonValue.from(7))
            .build();
    Response begun = client.responses().create(params);
    List<ResponseStreamEvent> all = events(begun.id(), 0);
    assertThat(all.get(all.size() - 1).isCompleted() || all.get(all.size() - 1).isIncomplete())
        .isTrue();
    StringBuilder text = new StringBuilder();
    all.forEach(event -> event.outputTextDelta().ifPresent(d -> text.append(d.delta())));
    List<ResponseStreamEvent> deltas = all.stream().filter(e -> e.isOutputTextDelta()).toList();
    int middle = deltas.size() / 2;
    assertThat(texts(events(begun.id(), sequence(deltas.get(middle)))))
        .isEqualTo(texts(deltas.subList(middle + 1, deltas.size())));
    Response ended = client.responses().retrieve(begun.id());
    assertThat(ended.status().orElseThrow())
        .isIn(ResponseStatus.COMPLETED, ResponseStatus.INCOMPLETE);
    assertThat(ended.output().get(0).message().orElseThrow().content().get(0).asOutputText().text())
        .isEqualTo(text.toString());
  }

  @Test
  @DisplayName("openai-java: errors are of its classes")
  void errors() {
    assertThatThrownBy(
            () ->
                client
                    .chat()
                    .completions()
                    .create(chat(5).putAdditionalBodyProperty("n", JsonValue.from(0)).build()))
        .isInstanceOf(BadRequestException.class)
        .hasMessageContaining("n is the number 0");
    assertThatThrownBy(() -> client.responses().retrieve("resp_none"))
        .isInstanceOf(NotFoundException.class);
  }

  @Test
  @DisplayName(
      "R16 openai-java: its own retry with one idempotency key gets the answer after kill -9")
  void retriesAcrossKill() throws Exception {
    Path data = directory.resolve("killed");
    ServerProcess first = ServerProcess.start(data).await();
    try (TcpForwarder door = new TcpForwarder("127.0.0.1", first.address().getPort())) {
      OpenAIClient patient = client(door.port());
      ChatCompletionCreateParams params =
          chat(400)
              .putAdditionalHeader("Idempotency-Key", "one-story")
              .putAdditionalBodyProperty("ignore_eos", JsonValue.from(true))
              .build();
      CompletableFuture<ChatCompletion> answer =
          CompletableFuture.supplyAsync(() -> patient.chat().completions().create(params));
      ApiClient watcher = first.client();
      while (Metrics.of(watcher).value("cairn_tokens_committed_total") == 0 && !answer.isDone()) {
        Thread.onSpinWait();
      }
      first.kill();
      try (ServerProcess second = ServerProcess.start(data).await()) {
        door.passTo(second.address().getPort());
        ChatCompletion whole = answer.get(5, TimeUnit.MINUTES);
        assertThat(whole.usage().orElseThrow().completionTokens()).isEqualTo(400);
        ChatCompletion again = patient.chat().completions().create(params);
        assertThat(again.id()).isEqualTo(whole.id());
        assertThat(content(again)).isEqualTo(content(whole));
        ChatCompletion undisturbed =
            patient
                .chat()
                .completions()
                .create(
                    chat(400)
                        .putAdditionalBodyProperty("ignore_eos", JsonValue.from(true))
                        .build());
        assertThat(content(undisturbed)).isEqualTo(content(whole));
      } finally {
        patient.close();
      }
    } finally {
      first.close();
    }
  }

  @Test
  @DisplayName("langchain4j: a chat, streamed and not, says the same")
  void langChain() throws Exception {
    String url = "http://127.0.0.1:" + server.address().getPort() + "/v1";
    OpenAiChatModel model =
        OpenAiChatModel.builder()
            .baseUrl(url)
            .apiKey("none")
            .modelName(MODEL)
            .temperature(0.8)
            .seed(7)
            .maxTokens(30)
            .build();
    String whole = model.chat("Tell me of the fox.");
    assertThat(whole).isNotBlank();
    OpenAiStreamingChatModel streaming =
        OpenAiStreamingChatModel.builder()
            .baseUrl(url)
            .apiKey("none")
            .modelName(MODEL)
            .temperature(0.8)
            .seed(7)
            .maxTokens(30)
            .build();
    CompletableFuture<String> end = new CompletableFuture<>();
    List<String> pieces = new ArrayList<>();
    streaming.chat(
        "Tell me of the fox.",
        new StreamingChatResponseHandler() {
          @Override
          public void onPartialResponse(String piece) {
            pieces.add(piece);
          }

          @Override
          public void onCompleteResponse(ChatResponse response) {
            end.complete(response.aiMessage().text());
          }

          @Override
          public void onError(Throwable error) {
            end.completeExceptionally(error);
          }
        });
    assertThat(end.get(60, TimeUnit.SECONDS)).isEqualTo(whole);
    assertThat(String.join("", pieces)).isEqualTo(whole);
  }

  private static List<ResponseStreamEvent> events(String id, long after) {
    List<ResponseStreamEvent> events = new ArrayList<>();
    try (StreamResponse<ResponseStreamEvent> stream =
        client
            .responses()
            .retrieveStreaming(
                ResponseRetrieveParams.builder().responseId(id).startingAfter(after).build())) {
      stream.stream().forEach(events::add);
    }
    return events;
  }

  private static long sequence(ResponseStreamEvent event) {
    return event.outputTextDelta().orElseThrow().sequenceNumber();
  }

  private static String texts(List<ResponseStreamEvent> events) {
    StringBuilder text = new StringBuilder();
    events.forEach(event -> event.outputTextDelta().ifPresent(d -> text.append(d.delta())));
    return text.toString();
  }
}
