{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{# Does something in each cell of a group; several cells at once where their order cannot matter. #}
{% extends 'common_group.cpp' %}
{% set _at_once = vectorisable(vector_code, variables, variable_indices, get_array_name) %}

{% block extra_headers %}
{% if _at_once %}
{% include 'vector_math.h' %}
{% endif %}
{% endblock %}

{% block maincode %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    const int _N = {{constant_or_scalar('N', variables['N'])}};
    {% if openmp_pragma('with_openmp') %}
    {{openmp_pragma('parallel-static')}}
    {% elif _at_once %}
    #pragma omp simd
    {% endif %}
    for (int _idx = 0; _idx < _N; _idx++)
    {
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
    }
{% endblock %}
