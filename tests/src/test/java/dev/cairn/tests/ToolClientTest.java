package dev.cairn.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.http.StreamResponse;
import com.openai.errors.NotFoundException;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionMessageFunctionToolCall;
import com.openai.models.chat.completions.ChatCompletionNamedToolChoice;
import com.openai.models.responses.Response;
import com.openai.models.responses.ResponseCreateParams;
import com.openai.models.responses.ResponseStatus;
import com.openai.models.responses.ToolChoiceOptions;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.openai.OpenAiChatModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What clients for the JVM do beyond text: tools that have to be called, and calls that they end.
 */
class ToolClientTest {
  private static final String MODEL = "Cairn Tales 5M";
  private static final String TALE = "Tell me of the fox.";
  private static final int OTHERS = 24;

  @TempDir static Path directory;
  private static ServerProcess server;
  private static OpenAIClient client;

  /** A tool, as openai-java makes one of a class. */
  public static final class Weather {
    public Day day;
  }

  /** Part of its arguments. */
  public enum Day {
    TODAY,
    TOMORROW
  }

  @BeforeAll
  static void start() throws IOException {
    Path model = TemplatedModel.write(directory, TemplatedModel.TOOLS);
    server =
        ServerProcess.at(directory.resolve("data"))
            .with("--model", model.toString())
            .start()
            .await();
    client =
        OpenAIOkHttpClient.builder()
            .apiKey("none")
            .baseUrl(server.address() + "/v1")
            .maxRetries(0)
            .build();
  }

  @AfterAll
  static void stop() {
    client.close();
    server.close();
  }

  private static ChatCompletionCreateParams.Builder chat(int tokens) {
    return ChatCompletionCreateParams.builder()
        .model(MODEL)
        .addUserMessage(TALE)
        .maxCompletionTokens(tokens)
        .seed(7);
  }

  private static ResponseCreateParams.Builder response(int tokens) {
    return ResponseCreateParams.builder()
        .model(MODEL)
        .input(TALE)
        .maxOutputTokens(tokens)
        .putAdditionalBodyProperty("seed", JsonValue.from(7));
  }

  @Test
  @DisplayName(
      "openai-java: a tool that has to be called is, its arguments are read into its class")
  void chatTools() {
    ChatCompletion called =
        client
            .chat()
            .completions()
            .create(
                chat(150)
                    .addTool(Weather.class)
                    .toolChoice(
                        ChatCompletionNamedToolChoice.builder()
                            .function(
                                ChatCompletionNamedToolChoice.Function.builder()
                                    .name("Weather")
                                    .build())
                            .build())
                    .build());
    assertThat(called.choices().get(0).finishReason().toString()).isEqualTo("tool_calls");
    ChatCompletionMessageFunctionToolCall.Function function =
        called.choices().get(0).message().toolCalls().orElseThrow().get(0).asFunction().function();
    assertThat(function.name()).isEqualTo("Weather");
    assertThat(function.arguments(Weather.class).day).isNotNull();
  }

  @Test
  @DisplayName("openai-java: a response calls a tool that is required")
  void responseTools() {
    Response called =
        client
            .responses()
            .create(
                response(150)
                    .addTool(Weather.class)
                    .toolChoice(ToolChoiceOptions.REQUIRED)
                    .parallelToolCalls(false)
                    .build());
    assertThat(called.output()).hasSize(1);
    assertThat(called.output().get(0).asFunctionCall().name()).isEqualTo("Weather");
    assertThat(called.output().get(0).asFunctionCall().arguments(Weather.class).day).isNotNull();
  }

  @Test
  @DisplayName("R16 openai-java: closing a stream ends the request where its client wants that")
  void closing() {
    // Others keep the device busy, so that this one has not ended when its client leaves.
    List<String> others = new ArrayList<>();
    for (int i = 0; i < OTHERS; i++) {
      ResponseCreateParams other =
          response(450)
              .background(true)
              .putAdditionalBodyProperty("ignore_eos", JsonValue.from(true))
              .build();
      others.add(client.responses().create(other).id());
    }
    String id;
    try (StreamResponse<ChatCompletionChunk> stream =
        client
            .chat()
            .completions()
            .createStreaming(
                chat(450)
                    .putAdditionalBodyProperty("ignore_eos", JsonValue.from(true))
                    .putAdditionalBodyProperty("on_disconnect", JsonValue.from("cancel"))
                    .build())) {
      Iterator<ChatCompletionChunk> chunks = stream.stream().iterator();
      id = chunks.next().id();
    }
    ApiClient api = server.client();
    JsonNode status = api.get("/v1/requests/" + id).body();
    while (status.get("finish_reason").isNull()) {
      status = api.get("/v1/requests/" + id).body();
    }
    assertThat(status.get("finish_reason").asText()).isEqualTo("cancelled");
    others.forEach(other -> client.responses().cancel(other));
    Metrics.awaitNothingHeld(api, "the client left");
  }

  @Test
  @DisplayName("openai-java: a response in the background is cancelled, and then deleted")
  void cancelAndDelete() {
    // It waits for a device that nobody has, so that it has not ended when it is cancelled.
    ResponseCreateParams waiting =
        response(8)
            .background(true)
            .putAdditionalBodyProperty("constraints", JsonValue.from(Map.of("backend", "rocm")))
            .build();
    String id = client.responses().create(waiting).id();
    assertThat(client.responses().cancel(id).status().orElseThrow())
        .isEqualTo(ResponseStatus.CANCELLED);
    client.responses().delete(id);
    assertThatThrownBy(() -> client.responses().retrieve(id)).isInstanceOf(NotFoundException.class);
  }

  @Test
  @DisplayName("openai-java: a response that is not stored is gone when it has ended")
  void notStored() {
    Response whole = client.responses().create(response(8).store(false).build());
    assertThat(whole.output().get(0).asMessage().content().get(0).asOutputText().text())
        .isNotEmpty();
    assertThatThrownBy(() -> client.responses().retrieve(whole.id()))
        .isInstanceOf(NotFoundException.class);
    Metrics.awaitNothingHeld(server.client(), "a response was not stored");
  }

  @Test
  @DisplayName("langchain4j: a tool that is required is called, and its result is answered")
  void langChainTools() {
    OpenAiChatModel model =
        OpenAiChatModel.builder()
            .baseUrl(server.address() + "/v1")
            .apiKey("none")
            .modelName(MODEL)
            .seed(7)
            .maxTokens(120)
            .build();
    ToolSpecification weather =
        ToolSpecification.builder()
            .name("weather")
            .parameters(
                JsonObjectSchema.builder()
                    .addEnumProperty("day", List.of("today", "tomorrow"))
                    .required("day")
                    .build())
            .build();
    AiMessage called =
        model
            .chat(
                ChatRequest.builder()
                    .messages(UserMessage.from(TALE))
                    .toolSpecifications(weather)
                    .toolChoice(ToolChoice.REQUIRED)
                    .build())
            .aiMessage();
    assertThat(called.hasToolExecutionRequests()).isTrue();
    ToolExecutionRequest request = called.toolExecutionRequests().get(0);
    assertThat(request.name()).isEqualTo("weather");
    assertThat(ApiClient.json(request.arguments()).isObject()).isTrue();
    AiMessage answered =
        model
            .chat(
                ChatRequest.builder()
                    .messages(
                        UserMessage.from(TALE),
                        called,
                        ToolExecutionResultMessage.from(request, "Rain."))
                    .build())
            .aiMessage();
    assertThat(answered.text()).isNotBlank();
  }
}
