package io.github.rwkv4j.engine;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackages;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Nothing below imports anything above. */
class PackageOrderTest {
    private static final String ENGINE = PackageOrderTest.class.getPackageName();

    private static JavaClasses classes;

    @BeforeAll
    static void read() {
        classes = new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages(ENGINE);
    }

    /** A package, and the packages of the engine that it may use. */
    @ParameterizedTest
    @CsvSource({
        "errors,",
        "weights, errors",
        "format, errors weights",
        "tokenizer, errors",
        "compute, errors weights",
        "compute.cpu, errors weights compute",
        "sampling, errors tokenizer",
        "model, errors weights compute",
        "state, errors"
    })
    void usesOnlyWhatLiesBelow(String name, @Nullable String below) {
        String[] allowed = Arrays.stream(below == null ? new String[0] : below.split(" "))
                .map(PackageOrderTest::qualified)
                .toArray(String[]::new);
        assertThat(classes.stream().map(type -> type.getPackageName())).contains(qualified(name));
        noClasses()
                .that()
                .resideInAPackage(qualified(name))
                .should()
                .dependOnClassesThat(
                        resideInAPackage(ENGINE + "..").and(resideOutsideOfPackages(with(allowed, qualified(name)))))
                .check(classes);
    }

    @Test
    void everyPackageHasItsPlaceInTheOrder() {
        assertThat(classes.stream().map(type -> type.getPackageName()).distinct())
                .containsExactlyInAnyOrder(
                        ENGINE,
                        qualified("errors"),
                        qualified("weights"),
                        qualified("format"),
                        qualified("tokenizer"),
                        qualified("compute"),
                        qualified("compute.cpu"),
                        qualified("sampling"),
                        qualified("model"),
                        qualified("state"));
    }

    @Test
    void packagesMakeNoCycles() {
        slices().assignedFrom(new SliceAssignment() {
                    @Override
                    public SliceIdentifier getIdentifierOf(JavaClass type) {
                        return type.getPackageName().startsWith(ENGINE)
                                ? SliceIdentifier.of(type.getPackageName())
                                : SliceIdentifier.ignore();
                    }

                    @Override
                    public String getDescription() {
                        return "the engine's packages";
                    }
                })
                .should()
                .beFreeOfCycles()
                .check(classes);
    }

    private static String qualified(String name) {
        return ENGINE + "." + name;
    }

    private static String[] with(String[] names, String one) {
        String[] all = Arrays.copyOf(names, names.length + 1);
        all[names.length] = one;
        return all;
    }
}
