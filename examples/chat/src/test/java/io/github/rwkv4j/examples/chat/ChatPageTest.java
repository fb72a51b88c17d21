package io.github.rwkv4j.examples.chat;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.ColorScheme;
import io.github.rwkv4j.engine.Rwkv;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.server.LocalServerPort;

/** The page in a real browser. */
@SpringBootTest(webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT)
class ChatPageTest {
    private static @Nullable Chromium chromium;

    private final List<String> problems = new CopyOnWriteArrayList<>();
    private final List<String> hosts = new CopyOnWriteArrayList<>();
    private @Nullable BrowserContext context;
    private Page page;

    @LocalServerPort
    private int port;

    @Autowired
    private Rwkv rwkv;

    @AfterAll
    static void quit() {
        if (chromium != null) {
            chromium.close();
        }
    }

    @BeforeEach
    void openDesktop() throws Exception {
        // Not before all tests: JUnit would not count those that are skipped there.
        chromium = chromium == null ? Chromium.launch() : chromium;
        open(chromium.browser().newContext(new Browser.NewContextOptions().setViewportSize(1100, 800)));
    }

    private void open(BrowserContext opened) {
        context = opened;
        page = context.newPage();
        page.onConsoleMessage(message -> {
            if (!message.type().equals("log")) {
                problems.add(message.type() + ": " + message.text());
            }
        });
        page.onPageError(problems::add);
        page.onRequest(request -> hosts.add(URI.create(request.url()).getHost()));
        page.navigate("http://localhost:%d/".formatted(port));
        assertThat(page.locator("#model")).containsText("RWKV-7");
    }

    @AfterEach
    void close() {
        if (context == null) {
            return; // skipped
        }
        context.close();
        assertThat(problems).isEmpty();
        assertThat(hosts).isNotEmpty().containsOnly("localhost");
    }

    @Test
    void remembersANameAndThreeFactsOverTwentyTurns() {
        ask("My name is Clara.");
        ask("I live in Lisbon.");
        ask("I have a cat called Milo.");
        ask("My favourite colour is green.");
        for (int turn = 0; turn < 2; turn++) {
            ask("What is 12 plus 15?");
            ask("What is the capital of Norway?");
            ask("How are you?");
            ask("What is RWKV?");
            ask("Tell me a joke.");
            ask("What day comes after Monday?");
            ask("What is 30 minus 8?");
            ask("Thank you.");
            ask("Is the sky blue?");
            ask("What is the capital of Peru?");
        }
        assertThat(ask("What is my name?")).isEqualTo("Your name is Clara.");
        assertThat(ask("Where do I live?")).isEqualTo("You live in Lisbon.");
        assertThat(ask("What is my cat called?")).isEqualTo("Your cat is called Milo.");
        assertThat(ask("What is my favourite colour?")).isEqualTo("Your favourite colour is green.");

        assertThat(answers()).hasCount(28);
        screenshot("desktop");
    }

    @Test
    void saysThatTheModelIsADemoAndOffersThingsToTry() {
        assertThat(page.locator("#demo")).isVisible();
        assertThat(page.locator("#model")).containsText("Demo model");
        screenshot("welcome");

        button("What is 12 plus 15?").click();

        assertThat(answers().last()).hasText("12 plus 15 is 27.");
        assertThat(page.locator("#demo")).isHidden();
    }

    @Test
    void answersEachOfItsSuggestions() {
        List<String> suggestions = page.locator("#suggestions button").all().stream()
                .map(button -> button.getAttribute("title"))
                .toList();

        assertThat(suggestions).hasSizeGreaterThan(4);
        for (String suggestion : suggestions) {
            assertThat(ask(suggestion)).isNotEmpty().doesNotContain("I don't know");
        }
    }

    @Test
    void showsSpeedAndTokensAndTheConstantState() {
        String state = page.locator("#state").textContent();
        ask("My name is Clara.");
        String tokens = page.locator("#tokens").textContent();
        ask("What is my name?");

        assertThat(page.locator("#speed")).containsText("tokens/s");
        assertThat(count(page.locator("#tokens").textContent())).isGreaterThan(count(tokens));
        assertThat(count(state)).isEqualTo(Math.round(rwkv.info().stateBytes() / 1024.0));
        assertThat(page.locator("#state").textContent()).isEqualTo(state);
    }

    @Test
    void showsAnAnswerWhileItIsWrittenAndStopsIt() {
        slowDown();
        textbox().fill("Tell me a story.");
        textbox().press("Enter");

        assertThat(answers().last()).containsText("Once");
        assertThat(button("Stop")).isVisible();
        assertThat(button("Send")).isHidden();
        button("Stop").click();

        assertThat(page.locator(".note")).hasText("Stopped");
        assertThat(button("Send")).isVisible();
        assertThat(answers().last()).not().containsText("came home happy");
        speedUp();
        assertThat(ask("What is 12 plus 15?")).isEqualTo("12 plus 15 is 27.");
    }

    @Test
    void stopsWithTheEscapeKey() {
        slowDown();
        textbox().fill("Tell me a story.");
        textbox().press("Enter");
        assertThat(answers().last()).containsText("Once");

        page.keyboard().press("Escape");

        assertThat(page.locator(".note")).hasText("Stopped");
        assertThat(textbox()).isFocused();
    }

    @Test
    void beginsANewConversation() {
        ask("My name is Clara.");
        button("New conversation").click();

        assertThat(answers()).hasCount(0);
        assertThat(page.locator("#tokens")).hasText("0 tokens");
        assertThat(ask("What is my name?")).doesNotContain("Clara");
    }

    @Test
    void breaksALineWithShiftAndEnter() {
        textbox().fill("Who runs the museum?");
        textbox().press("Shift+Enter");
        textbox().pressSequentially("Answer using the following information:");
        textbox().press("Shift+Enter");
        textbox().pressSequentially("Jonas runs the museum.");

        assertThat(answers()).hasCount(0);
        textbox().press("Enter");
        assertThat(answers().last()).hasText("Jonas runs the museum.");
    }

    @Test
    void sendsNothingWhereNothingIsWritten() {
        assertThat(button("Send")).isDisabled();
        textbox().fill("  \n ");
        textbox().press("Enter");

        assertThat(page.locator(".message")).hasCount(0);
    }

    @Test
    void showsMarkupAsText() {
        String markup = "<img src=x onerror=\"document.title='broken'\"><b>bold</b>";
        ask(markup);

        assertThat(page.locator(".user p").last()).hasText(markup);
        assertThat(page.locator("#log img, #log b")).hasCount(0);
        assertThat(page.title()).isEqualTo("rwkv4j chat");
    }

    @Test
    void saysInWordsThatTheServerIsGone() {
        page.context().setOffline(true);
        textbox().fill("Hello!");
        textbox().press("Enter");

        assertThat(page.locator(".note")).hasText("The server can't be reached. Is it running?");
        page.context().setOffline(false);
        assertThat(ask("What is 12 plus 15?")).isEqualTo("12 plus 15 is 27.");
        assertThat(problems).allMatch(problem -> problem.contains("ERR_INTERNET_DISCONNECTED"));
        problems.clear();
    }

    @Test
    void fitsAPhone() {
        page.context().close();
        open(page.context()
                .browser()
                .newContext(new Browser.NewContextOptions()
                        .setViewportSize(360, 640)
                        .setDeviceScaleFactor(2)
                        .setIsMobile(true)
                        .setHasTouch(true)
                        .setColorScheme(ColorScheme.DARK)));
        assertThat(page.locator("#suggestions button").first()).isVisible();
        assertNoHorizontalScroll();
        screenshot("phone-welcome");

        ask("My name is Clara.");
        ask("What is " + "very".repeat(60) + "?");
        assertThat(ask("What is my name?")).isEqualTo("Your name is Clara.");

        assertNoHorizontalScroll();
        assertThat(textbox()).isInViewport();
        screenshot("phone");
    }

    @Test
    void isLightOrDarkAsTheSystemIs() {
        String light = background();
        page.emulateMedia(new Page.EmulateMediaOptions().setColorScheme(ColorScheme.DARK));

        assertThat(background()).isNotEqualTo(light);
    }

    private String background() {
        return (String) page.evaluate("getComputedStyle(document.body).backgroundColor");
    }

    private void assertNoHorizontalScroll() {
        assertThat(
                        page.evaluate(
                                "document.documentElement.scrollWidth <= innerWidth"
                                        + " && document.querySelector('main').scrollWidth <= document.querySelector('main').clientWidth"))
                .isEqualTo(true);
    }

    /** Asks through the text box, and waits for the end of the answer. */
    private String ask(String text) {
        int before = answers().count();
        textbox().fill(text);
        textbox().press("Enter");
        assertThat(answers()).hasCount(before + 1);
        assertThat(page.locator(".pending")).hasCount(0);
        return answers().last().textContent();
    }

    private Locator answers() {
        return page.locator(".assistant p");
    }

    private Locator textbox() {
        return page.getByRole(AriaRole.TEXTBOX, new Page.GetByRoleOptions().setName("Message"));
    }

    private Locator button(String name) {
        return page.getByRole(
                AriaRole.BUTTON,
                new Page.GetByRoleOptions().setName(name).setExact(true).setIncludeHidden(true));
    }

    private static long count(String text) {
        return Long.parseLong(text.replaceAll("\\D", ""));
    }

    /** A slow network, so that an answer takes its time to arrive. */
    private void slowDown() {
        throttle(1500);
    }

    private void speedUp() {
        throttle(-1);
    }

    private void throttle(int bytesPerSecond) {
        JsonObject conditions = new JsonObject();
        conditions.addProperty("offline", false);
        conditions.addProperty("latency", 0);
        conditions.addProperty("downloadThroughput", bytesPerSecond);
        conditions.addProperty("uploadThroughput", -1);
        page.context().newCDPSession(page).send("Network.emulateNetworkConditions", conditions);
    }

    private void screenshot(String name) {
        page.screenshot(new Page.ScreenshotOptions().setPath(Path.of("target/screenshots", name + ".png")));
    }
}
