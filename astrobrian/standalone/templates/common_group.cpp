{# What all code of a group has in common. The helpers of a function are in a namespace of their own, so that several
   of these files can be compiled as one: see astrobrian/standalone/sources.py. #}

{% macro _beginning(name) %}
#include "code_objects/{{name}}.h"
#include "objects.h"
#include "brianlib/common_math.h"
#include "brianlib/stdint_compat.h"
#include <chrono>
#include <climits>
#include <cmath>
#include <ctime>
#include <fstream>
#include <iostream>
{% for header in user_headers | sort %}
#include {{header}}
{% endfor %}
{%- endmacro %}

{% macro _helpers(name) %}
namespace helpers_of_{{name}} { namespace
{
    {{support_code_lines|autoindent}}
}}
{%- endmacro %}

{% macro _known(name) %}
    using namespace brian;
    using namespace helpers_of_{{name}};
    %CONSTANTS%
    {{pointers_lines|autoindent}}
{%- endmacro %}

{% macro _header(function) %}
#pragma once
void {{function}}();
{%- endmacro %}

{% macro before_run_cpp_file() %}
{{_beginning("before_run_" ~ codeobj_name)}}
{{_helpers("before_run_" ~ codeobj_name)}}
void _before_run_{{codeobj_name}}()
{
{{_known("before_run_" ~ codeobj_name)}}
    {% block before_code %}
    // EMPTY_CODE_BLOCK
    {% endblock %}
}
{% endmacro %}

{% macro before_run_h_file() %}
{{_header("_before_run_" ~ codeobj_name)}}
{% endmacro %}

{% macro cpp_file() %}
{{_beginning(codeobj_name)}}
{% block extra_headers %}
{% endblock %}

{{_helpers(codeobj_name)}}
{{hashdefine_lines|autoindent}}
void _run_{{codeobj_name}}()
{
{{_known(codeobj_name)}}
    {% if profiled %}
    const auto _beginning = std::chrono::steady_clock::now();
    {% endif %}
    {% block maincode %}
    {% endblock %}
    {% if profiled %}
    {{codeobj_name}}_profiling_info += {{spent_since("_beginning")}};
    {% endif %}
}
{% block extra_functions_cpp %}
{% endblock %}
{% endmacro %}

{% macro h_file() %}
{{_header("_run_" ~ codeobj_name)}}
{% block extra_functions_h %}
{% endblock %}
{% endmacro %}

{% macro after_run_cpp_file() %}
{{_beginning("after_run_" ~ codeobj_name)}}
{{_helpers("after_run_" ~ codeobj_name)}}
void _after_run_{{codeobj_name}}()
{
{{_known("after_run_" ~ codeobj_name)}}
    {% block after_code %}
    // EMPTY_CODE_BLOCK
    {% endblock %}
}
{% endmacro %}

{% macro after_run_h_file() %}
{{_header("_after_run_" ~ codeobj_name)}}
{% endmacro %}
